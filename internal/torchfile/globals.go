package torchfile

// The values of a pickle and the dozen names that it may use: storages by type, the two functions
// that make tensors of them, and OrderedDict. Any other name is refused, so that nothing runs.

import (
	"fmt"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// value is what the stack of an unpickler holds: none, bool, int64, string, tuple, *dict, global,
// *storage or *view.
type value any

type none struct{}

type tuple []value

// dict is a dict or an OrderedDict with strings as keys; a key may come twice.
type dict struct {
	ordered bool
	keys    []string
	values  []value
}

// global is one of the names that a pickle may use.
type global struct {
	name  string
	dtype weights.DType // of a storage class
}

// storage is count elements in the member "data/" + key.
type storage struct {
	dtype weights.DType
	key   string
	count int64
}

// view is a tensor as the pickle describes it: nothing about it has been checked but the types.
type view struct {
	storage       *storage
	offset        int64
	shape, stride tuple // of int64
}

const (
	rebuildTensor    = "torch._utils._rebuild_tensor_v2"
	rebuildParameter = "torch._utils._rebuild_parameter"
	orderedDict      = "collections.OrderedDict"
)

var storages = map[string]weights.DType{
	"torch.FloatStorage":    weights.F32,
	"torch.HalfStorage":     weights.F16,
	"torch.BFloat16Storage": weights.BF16,
	"torch.DoubleStorage":   weights.F64,
	"torch.LongStorage":     weights.I64,
	"torch.IntStorage":      weights.I32,
	"torch.ShortStorage":    weights.I16,
	"torch.CharStorage":     weights.I8,
	"torch.ByteStorage":     weights.U8,
	"torch.BoolStorage":     weights.BOOL,
}

// globals returns what a name stands for, if it is allowed.
func globals(module, name string) (global, bool) {
	name = module + "." + name
	dtype, ok := storages[name]
	ok = ok || name == rebuildTensor || name == rebuildParameter || name == orderedDict
	return global{name, dtype}, ok
}

// kind says what a value is, for errors.
func kind(v value) string {
	switch v := v.(type) {
	case none:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "an int"
	case string:
		return "a string"
	case tuple:
		return "a tuple"
	case *dict:
		return "a dict"
	case global:
		return v.name
	case *storage:
		return "a storage"
	}
	return "a tensor"
}

// setItems puts one pair, or all above the mark, into the dict below.
func (p *unpickler) setItems(op byte) error {
	var items []value
	var err error
	if op == opSetItem {
		items, err = p.pop(2)
	} else {
		items, err = p.popMark()
	}
	if err != nil {
		return err
	}
	v, err := p.top()
	if err != nil {
		return err
	}
	d, ok := v.(*dict)
	if !ok {
		return p.refuse("items set in " + kind(v))
	}
	if len(items)%2 != 0 {
		return p.fail("a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		key, ok := items[i].(string)
		if !ok {
			return p.refuse("a dict whose key is " + kind(items[i]))
		}
		d.keys, d.values = append(d.keys, key), append(d.values, items[i+1])
	}
	return nil
}

// build sets an object's attributes. A module's state dict has some, the versions of its parts,
// which say nothing about tensors.
func (p *unpickler) build() error {
	items, err := p.pop(1)
	if err != nil {
		return err
	}
	object, err := p.top()
	if err != nil {
		return err
	}
	state, isDict := items[0].(*dict)
	d, ok := object.(*dict)
	if !ok || !d.ordered || !isDict || state == d {
		return p.refuse("attributes set of " + kind(object))
	}
	return nil
}

// reduce is a call: of one of the two functions that make tensors, or for an empty OrderedDict.
func (p *unpickler) reduce() error {
	items, err := p.pop(2)
	if err != nil {
		return err
	}
	g, ok := items[0].(global)
	if !ok {
		return p.refuse("a call of " + kind(items[0]))
	}
	args, ok := items[1].(tuple)
	if !ok {
		return p.fail("a call's arguments are %s", kind(items[1]))
	}
	switch {
	case g.name == orderedDict && len(args) == 0:
		return p.push(&dict{ordered: true})
	case g.name == rebuildTensor && (len(args) == 6 || len(args) == 7):
		v, err := p.tensor(args)
		if err != nil {
			return err
		}
		return p.push(v)
	case g.name == rebuildParameter && len(args) == 3:
		v, ok := args[0].(*view)
		if !ok || !isBool(args[1]) || !isEmpty(args[2]) {
			return p.refuse("other arguments of " + g.name + " than a tensor, a bool and no hooks")
		}
		return p.push(v)
	}
	return p.refuse(fmt.Sprintf("a call of %s with %d arguments", g.name, len(args)))
}

// tensor reads storage, offset, shape, stride, requires_grad, hooks and, since torch 2.0, metadata,
// which must be None.
//
// Source: torch/_utils.py, _rebuild_tensor_v2.
func (p *unpickler) tensor(args tuple) (*view, error) {
	s, ok := args[0].(*storage)
	offset, ok1 := args[1].(int64)
	shape, ok2 := integers(args[2])
	stride, ok3 := integers(args[3])
	if !ok || !ok1 || !ok2 || !ok3 || !isBool(args[4]) || !isEmpty(args[5]) ||
		len(args) == 7 && args[6] != value(none{}) {
		return nil, p.refuse("other arguments of " + rebuildTensor +
			" than a storage, an offset, a shape, strides, a bool and no hooks")
	}
	if len(shape) != len(stride) {
		return nil, p.fail("a tensor of %d dimensions has %d strides", len(shape), len(stride))
	}
	return &view{s, offset, shape, stride}, nil
}

func isBool(v value) bool {
	_, ok := v.(bool)
	return ok
}

// isEmpty reports whether v is a dict of no hooks, or None.
func isEmpty(v value) bool {
	d, ok := v.(*dict)
	return ok && len(d.keys) == 0 || v == value(none{})
}

// integers reports whether v is a tuple of so few ints that they may be dimensions.
func integers(v value) (tuple, bool) {
	t, ok := v.(tuple)
	if !ok || len(t) > weights.MaxRank {
		return nil, false
	}
	for _, n := range t {
		if _, ok := n.(int64); !ok {
			return nil, false
		}
	}
	return t, true
}

// persistent reads the tuple ("storage", class, key, device, elements), which stands for a storage.
func (p *unpickler) persistent() error {
	items, err := p.pop(1)
	if err != nil {
		return err
	}
	id, ok := items[0].(tuple)
	if !ok || len(id) != 5 || id[0] != value("storage") {
		return p.refuse("a persistent object that is not a storage")
	}
	class, ok := id[1].(global)
	if !ok || class.dtype == "" {
		return p.refuse("a storage of class " + kind(id[1]))
	}
	key, ok1 := id[2].(string)
	_, ok2 := id[3].(string)
	count, ok3 := id[4].(int64)
	if !ok1 || !ok2 || !ok3 || count < 0 {
		return p.fail("a storage's key, device or number of elements is wrong")
	}
	return p.push(&storage{class.dtype, key, count})
}
