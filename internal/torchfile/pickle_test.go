package torchfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/weights"
)

// pickler writes a pickle opcode by opcode.
type pickler struct{ b []byte }

func newPickle() *pickler { return &pickler{[]byte{opProto, 2}} }

func (p *pickler) raw(s string) *pickler {
	p.b = append(p.b, s...)
	return p
}

func (p *pickler) str(s string) *pickler {
	p.b = binary.LittleEndian.AppendUint32(append(p.b, opBinUnicode), uint32(len(s)))
	return p.raw(s)
}

func (p *pickler) int(n int64) *pickler {
	if n == int64(int32(n)) {
		p.b = binary.LittleEndian.AppendUint32(append(p.b, opBinInt), uint32(n))
		return p
	}
	p.b = binary.LittleEndian.AppendUint64(append(p.b, opLong1, 8), uint64(n))
	return p
}

func (p *pickler) key(i int) *pickler { return p.str(fmt.Sprint("t", i)) }

func (p *pickler) global(name string) *pickler {
	at := strings.LastIndexByte(name, '.')
	return p.raw("c" + name[:at] + "\n" + name[at+1:] + "\n")
}

func (p *pickler) ints(n []int64) *pickler {
	p.raw("(")
	for _, x := range n {
		p.int(x)
	}
	return p.raw("t")
}

func (p *pickler) storage(class string, key int, count int64) *pickler {
	return p.raw("(").str("storage").global("torch." + class).str(fmt.Sprint(key)).str("cpu").int(count).raw("tQ")
}

// tensor calls _rebuild_tensor_v2.
func (p *pickler) tensor(class string, key int, count, offset int64, shape, stride []int64) *pickler {
	return p.global(rebuildTensor).raw("(").storage(class, key, count).int(offset).ints(shape).ints(stride).
		raw("\x89").global(orderedDict).raw(")RtR")
}

// checkpoint is an archive with a pickle and a storage of 24 bytes.
func checkpoint(pickle []byte) []byte {
	return newZip().add("a/data.pkl", pickle).add("a/data/0", seq(6)).bytes()
}

func parsePickle(pickle []byte) (*weights.Source, error) { return open(checkpoint(pickle)) }

// one is a dict with the tensor w.
func one(class string, key int, count, offset int64, shape, stride []int64) []byte {
	return newPickle().raw("}").str("w").tensor(class, key, count, offset, shape, stride).raw("s.").b
}

// Opcodes that torch's own files do not have, and the least that a dict can be.
func TestPickleAccepts(t *testing.T) {
	plain := one("FloatStorage", 0, 6, 2, []int64{2, 2}, []int64{2, 1})
	tensor := string(plain[strings.Index(string(plain), "ctorch"):][:len(plain)-len("\x80\x02}X____ws.")])
	cases := map[string][]byte{
		"plain":               plain,
		"OrderedDict":         newPickle().global(orderedDict).raw(")R").str("w").raw(tensor + "s.").b,
		"attributes":          newPickle().global(orderedDict).raw(")R").str("w").raw(tensor + "s}").str("_metadata").raw("}sb.").b,
		"memo of any number":  newPickle().raw("}r\xff\xff\xff\xff").raw("(").str("w").raw(tensor + "u.").b,
		"an empty SETITEMS":   newPickle().raw("}(u").str("w").raw(tensor + "s.").b,
		"parameter":           newPickle().raw("}").str("w").global(rebuildParameter).raw("(" + tensor + "\x88NtRs.").b,
		"short string, frame": []byte("\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01w\x94" + tensor + "s."),
		"long string":         []byte("\x80\x05}\x8d\x01\x00\x00\x00\x00\x00\x00\x00w" + tensor + "s."),
		"stack global": newPickle().raw("}").str("w").str("torch._utils").str("_rebuild_tensor_v2").raw("\x93").
			raw(tensor[strings.Index(tensor, "_v2\n")+4:] + "s.").b,
		"a long offset": newPickle().raw("}").str("w").raw(strings.Replace(tensor, "J\x02\x00\x00\x00", "\x8b\x01\x00\x00\x00\x02", 1) + "s.").b,
	}
	for name, pickle := range cases {
		t.Run(name, func(t *testing.T) {
			data := checkpoint(pickle)
			tensors, err := Read("f", data)
			require.NoError(t, err)
			require.Len(t, tensors, 1)
			x := tensors[0]
			require.Equal(t, []any{"w", weights.F32, []int{2, 2}, "f"}, []any{x.Name, x.DType, x.Shape, x.File})
			require.Equal(t, f32(3, 4, 5, 6), x.Data)
		})
	}
	empty, err := parsePickle([]byte("\x80\x02}."))
	require.NoError(t, err)
	require.Empty(t, empty.Names())
}

// Whatever runs code when it is unpickled is refused by its name, before anything else is read.
func TestPickleRunsNothing(t *testing.T) {
	for _, name := range []string{
		"os.system", "posix.system", "nt.system", "builtins.eval", "builtins.exec", "builtins.getattr", "builtins.__import__",
		"__builtin__.eval", "copyreg._reconstructor", "copyreg.__newobj__", "copy_reg._reconstructor", "subprocess.Popen", "runpy._run_code",
		"torch.storage._load_from_bytes", "torch.load", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v3",
		"torch._utils._rebuild_parameter_with_state", "torch._tensor._rebuild_from_type_v2", "torch.jit.load", "torch.hub.load",
		"torch.serialization._get_layout", "numpy.core.multiarray._reconstruct", "_codecs.encode", "operator.attrgetter",
		"collections.defaultdict", "collections.OrderedDict.fromkeys", "torch.QInt8Storage", "torch.FloatStorage.from_file", "pickle.loads",
		"webbrowser.open", "",
	} {
		module, attr, _ := strings.Cut(name, ".")
		if at := strings.LastIndexByte(name, '.'); at >= 0 {
			module, attr = name[:at], name[at+1:]
		}
		for op, pickle := range map[string]*pickler{
			"GLOBAL": newPickle().raw("c" + module + "\n" + attr + "\n").str("echo").raw("\x85R."),
			"STACK":  newPickle().str(module).str(attr).raw("\x93").str("echo").raw("\x85R."),
		} {
			t.Run(name+" "+op, func(t *testing.T) {
				_, err := parsePickle(pickle.b)
				var ue *weights.UnsupportedError
				require.ErrorAs(t, err, &ue)
				require.Equal(t, "a/data.pkl", ue.Field)
				require.Contains(t, ue.Feature, `global "`+module+"."+attr+`"`)
			})
		}
	}
	for b := range 256 {
		name := refused[byte(b)]
		if name == "" {
			continue
		}
		_, err := parsePickle(append(newPickle().raw("}(}").b, byte(b), 0, 0, 0, 0, '.'))
		var ue *weights.UnsupportedError
		require.ErrorAs(t, err, &ue, "%#x", b)
		require.Contains(t, ue.Feature, "opcode "+name)
	}
}

func TestPickleRefuses(t *testing.T) {
	const pkl = "a/data.pkl"
	p := newPickle
	call := func(name string, args string) []byte { return p().global(name).raw(args + "R.").b }
	tensorArgs := func(args string) []byte {
		return p().global(rebuildTensor).raw("(").storage("FloatStorage", 0, 6).raw(args + "tR.").b
	}
	cases := []struct {
		name   string
		pickle []byte
		field  string
		reason string
	}{
		{"empty", nil, pkl, "1 bytes wanted, 0 are left"},
		{"protocol 0", []byte("(dp0\n."), pkl, "PROTO belongs"},
		{"protocol 1", []byte("\x80\x01}."), pkl, "pickle protocol 1"},
		{"protocol 6", []byte("\x80\x06}."), pkl, "pickle protocol 6"},
		{"protocol again", []byte("\x80\x02\x80\x02}."), pkl, "PROTO belongs"},
		{"no opcode", p().raw("\xff").b, pkl, "0xff is not an opcode"},
		{"no end", p().raw("}").b, pkl, "0 are left"},
		{"more behind", p().raw("}.}").b, pkl, "1 bytes follow"},
		{"nothing", p().raw(".").b, pkl, "other than one value"},
		{"two values", p().raw("}}.").b, pkl, "other than one value"},
		{"open mark", p().raw("}(.").b, pkl, "other than one value"},
		{"a string", p().str("x").raw(".").b, pkl, "a checkpoint that is a string"},
		{"a number", p().int(1).raw(".").b, pkl, "a checkpoint that is an int"},
		{"None", p().raw("N.").b, pkl, "a checkpoint that is None"},
		{"a bool", p().raw("\x88.").b, pkl, "a checkpoint that is a bool"},
		{"a tuple", p().raw(").").b, pkl, "a checkpoint that is a tuple"},
		{"a class", p().global(orderedDict).raw(".").b, pkl, "a checkpoint that is collections.OrderedDict"},
		{"a storage", p().storage("FloatStorage", 0, 6).raw(".").b, pkl, "a checkpoint that is a storage"},
		{"itself", p().raw("}q\x00").str("w").raw("h\x00s.").b, "w", "a value that is a dict"},
		{"key is a number", p().raw("}").int(1).raw("Ns.").b, pkl, "a dict whose key is an int"},
		{"key without a value", p().raw("}(").str("w").raw("u.").b, pkl, "a key without a value"},
		{"items in a tuple", p().raw(")").str("w").raw("Ns.").b, pkl, "items set in a tuple"},
		{"items below the mark", p().raw("}(").str("w").raw("Ns.").b, pkl, "not there"},
		{"no mark", p().raw("}u.").b, pkl, "no mark"},
		{"tuple of nothing", p().raw("\x87.").b, pkl, "not there"},
		{"tuple across a mark", p().raw("N(\x85.").b, pkl, "not there"},
		{"memo of nothing", p().raw("q\x00.").b, pkl, "not there"},
		{"memo across a mark", p().raw("}(q\x00.").b, pkl, "not there"},
		{"not remembered", p().raw("h\x00.").b, pkl, "value 0 was not remembered"},
		{"far from remembered", p().raw("j\xff\xff\xff\xff.").b, pkl, "value 4294967295 was not remembered"},
		{"huge string", p().raw("X\xff\xff\xff\xffabc").b, pkl, "length 4294967295"},
		{"huge long string", p().raw("\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc").b, pkl, "length 18446744073709551615"},
		{"huge short string", p().raw("\x8c\xffabc").b, pkl, "length 255"},
		{"string not UTF-8", p().raw("X\x01\x00\x00\x00\xff.").b, pkl, "UTF-8"},
		{"huge number", p().raw("\x8b\xff\xff\xff\x7f1").b, pkl, "length 2147483647"},
		{"long number", p().raw("\x8b\x00\x10\x00\x00" + strings.Repeat("1", 4096)).b, pkl, "a number of 4096 bytes"},
		{"negative length", p().raw("\x8b\xff\xff\xff\xff").b, pkl, "length 4294967295"},
		{"nine bytes", p().raw("\x8a\x09123456789").b, pkl, "a number of 9 bytes"},
		{"huge frame", p().raw("\x95\xff\xff\xff\xff\xff\xff\xff\xff").b, pkl, "length 18446744073709551615"},
		{"name without an end", p().raw("cos\nsystem").b, pkl, "does not end"},
		{"name without a second line", p().raw("cos").b, pkl, "does not end"},
		{"name of a number", p().int(1).int(1).raw("\x93").b, pkl, "not a string"},
		{"call of a string", p().str("x").raw(")R.").b, pkl, "a call of a string"},
		{"call of a class", call("torch.FloatStorage", ")"), pkl, "a call of torch.FloatStorage with 0"},
		{"call with a dict", call(orderedDict, "}"), pkl, "arguments are a dict"},
		{"OrderedDict of something", call(orderedDict, "N\x85"), pkl, "a call of collections.OrderedDict with 1"},
		{"tensor of nothing", call(rebuildTensor, ")"), pkl, "with 0 arguments"},
		{"tensor of None", call(rebuildTensor, "(NNNNNNt"), pkl, "other arguments of " + rebuildTensor},
		{"tensor with metadata", tensorArgs("K\x00)))N}"), pkl, "other arguments"},
		{"tensor with hooks", tensorArgs("K\x00))\x89}X\x01\x00\x00\x00aNs"), pkl, "other arguments"},
		{"tensor of strings", tensorArgs("K\x00X\x01\x00\x00\x00a\x85)\x89N"), pkl, "other arguments"},
		{"tensor of tuples", tensorArgs("K\x00)\x85)\x89N"), pkl, "other arguments"},
		{"too many dimensions", tensorArgs("K\x00(" + strings.Repeat("K\x01", 17) + "t)\x89N"), pkl, "other arguments"},
		{"tensor without strides", tensorArgs("K\x00K\x01\x85)\x89N"), pkl, "a tensor of 1 dimensions has 0 strides"},
		{"parameter of None", call(rebuildParameter, "N\x88N\x87"), pkl, "other arguments of " + rebuildParameter},
		{"attributes of a dict", p().raw("}}b.").b, pkl, "attributes set of a dict"},
		{"attributes of a class", p().global(orderedDict).raw("}b.").b, pkl, "attributes set of collections.OrderedDict"},
		{"attributes that are None", p().global(orderedDict).raw(")RNb.").b, pkl, "attributes set of a dict"},
		{"attributes that are itself", p().global(orderedDict).raw(")Rq\x00h\x00b.").b, pkl, "attributes set of a dict"},
		{"persistent string", p().str("storage").raw("Q.").b, pkl, "not a storage"},
		{"persistent pair", p().str("storage").str("x").raw("\x86Q.").b, pkl, "not a storage"},
		{"persistent module", p().raw("(").str("module").raw("NNNNtQ.").b, pkl, "not a storage"},
		{"storage of a function", p().raw("(").str("storage").global(orderedDict).raw("NNNtQ.").b, pkl, "a storage of class collections.OrderedDict"},
		{"storage of None", p().raw("(").str("storage").raw("NNNNtQ.").b, pkl, "a storage of class None"},
		{"storage without a key", p().raw("(").str("storage").global("torch.FloatStorage").raw("NNNtQ.").b, pkl, "is wrong"},
		{"storage of negative size", p().storage("FloatStorage", 0, -1).raw(".").b, pkl, "is wrong"},

		{"storage missing", one("FloatStorage", 1, 6, 0, []int64{6}, []int64{1}), "w", `missing storage "1"`},
		{"storage is the pickle", p().raw("}").str("w").global(rebuildTensor).raw("((").str("storage").global("torch.FloatStorage").str("../data.pkl").str("cpu").
			raw("K\x06tQK\x00K\x01\x85K\x01\x85\x89NtRs.").b, "w", `missing storage "../data.pkl"`},
		{"storage too large", one("FloatStorage", 0, 7, 0, []int64{6}, []int64{1}), "w", "has 24 bytes, not 7"},
		{"storage too small", one("FloatStorage", 0, 5, 0, []int64{5}, []int64{1}), "w", "has 24 bytes, not 5"},
		{"storage of another type", one("HalfStorage", 0, 6, 0, []int64{6}, []int64{1}), "w", "has 24 bytes, not 6 elements of F16"},
		{"storage wraps around", one("DoubleStorage", 0, math.MaxInt64/4+1+3, 0, []int64{1}, []int64{1}), "w", "has 24 bytes"},
		{"shape too large", one("FloatStorage", 0, 6, 0, []int64{7}, []int64{1}), "w", "outside its storage of 6"},
		{"offset too large", one("FloatStorage", 0, 6, 1, []int64{6}, []int64{1}), "w", "outside"},
		{"offset far too large", one("FloatStorage", 0, 6, math.MaxInt64, []int64{6}, []int64{1}), "w", "outside"},
		{"offset negative", one("FloatStorage", 0, 6, -1, []int64{6}, []int64{1}), "w", "outside"},
		{"offset of nothing", one("FloatStorage", 0, 6, 7, []int64{0}, []int64{1}), "w", "outside"},
		{"dimension negative", one("FloatStorage", 0, 6, 0, []int64{-2, -3}, []int64{3, 1}), "w", "dimension -2"},
		{"size overflows", one("FloatStorage", 0, 6, 0, []int64{1 << 32, 1 << 32}, []int64{1 << 32, 1}), "w", "size overflows"},
		{"size nearly overflows", one("FloatStorage", 0, 6, 0, []int64{math.MaxInt64, 2}, []int64{2, 1}), "w", "outside"},
		{"stride reaches outside", one("FloatStorage", 0, 6, 0, []int64{2, 3}, []int64{4, 1}), "w", "outside"},
		{"stride overflows", one("FloatStorage", 0, 6, 0, []int64{3, 3}, []int64{math.MaxInt64, 1}), "w", "outside"},
		{"stride negative", one("FloatStorage", 0, 6, 5, []int64{6}, []int64{-1}), "w", "outside"},
		{"transposed", one("FloatStorage", 0, 6, 0, []int64{3, 2}, []int64{1, 3}), "w", "not contiguous (shape [3 2], strides [1 3])"},
		{"expanded", one("FloatStorage", 0, 6, 0, []int64{1 << 40}, []int64{0}), "w", "not contiguous"},
		{"gap", one("FloatStorage", 0, 6, 0, []int64{2, 2}, []int64{3, 1}), "w", "not contiguous"},
		{"twice", p().raw("}(").str("w").tensor("FloatStorage", 0, 6, 0, []int64{6}, []int64{1}).
			str("w").tensor("FloatStorage", 0, 6, 0, []int64{6}, []int64{1}).raw("u.").b, "w", "duplicate"},
		{"a nested state dict", p().raw("}").str("model").raw("}s.").b, "model", "a value that is a dict, not a tensor"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := parsePickle(c.pickle)
			require.Error(t, err)
			requireFieldReason(t, err, c.field, c.reason)
		})
	}
}

// Strides of dimensions of one element, and of tensors of none, mean nothing.
func TestPickleStrides(t *testing.T) {
	for _, c := range []struct{ shape, stride []int64 }{
		{[]int64{6}, []int64{1}}, {[]int64{2, 3}, []int64{3, 1}}, {[]int64{1, 6}, []int64{999, 1}}, {[]int64{6, 1}, []int64{1, math.MaxInt64}},
		{[]int64{}, []int64{}}, {[]int64{1}, []int64{0}}, {[]int64{0, 5}, []int64{7, 7}},
	} {
		_, err := parsePickle(one("FloatStorage", 0, 6, 0, c.shape, c.stride))
		require.NoError(t, err, "%v", c)
	}
}

// Deep, wide and self-multiplying pickles take time and memory in proportion to their bytes.
func TestPickleIsBounded(t *testing.T) {
	deep := func(open, end string, n int) []byte {
		return newPickle().raw(strings.Repeat(open, n) + strings.Repeat(end, n) + ".").b
	}
	laughs := newPickle().raw(")q\x00")
	for range 10_000 {
		laughs.raw("(" + strings.Repeat("h\x00", 10) + "tq\x00")
	}
	memo := newPickle().raw("}")
	for i := range 100_000 {
		memo.b = binary.LittleEndian.AppendUint32(append(memo.b, opLongBinPut), uint32(i)*40503)
	}
	dicts := newPickle().raw("}q\x00") // each holds itself and the one before
	for range 10_000 {
		dicts.raw("}q\x01(").str("a").raw("h\x00").str("b").raw("h\x01uq\x00")
	}
	cases := map[string][]byte{
		"nested tuples":  newPickle().raw(")" + strings.Repeat("\x85", 100_000) + ".").b,
		"nested marks":   deep("(", "t", 100_000),
		"nested dicts":   deep("}X\x00\x00\x00\x00", "s", 100_000),
		"marks":          deep("(", "", 100_000),
		"laughs":         laughs.raw(".").b,
		"memo":           memo.raw("N.").b,
		"dicts in dicts": dicts.raw(".").b,
		"calls":          newPickle().global(orderedDict).raw("q\x00" + strings.Repeat("h\x00)R", 50_000) + ".").b,
	}
	for name, pickle := range cases {
		t.Run(name, func(t *testing.T) {
			used := allocated(func() {
				_, err := unpickle("f", "data.pkl", pickle)
				if err == nil { // nested dicts are a dict; what it holds is not looked at here
					require.Equal(t, "nested dicts", name)
				} else {
					require.True(t, asEither(err, new(*weights.FormatError), new(*weights.UnsupportedError)), "%v", err)
				}
			})
			require.Less(t, used, uint64(150*len(pickle))+1<<16, "%d bytes", len(pickle))
		})
	}
	t.Run("values", func(t *testing.T) {
		_, err := unpickle("f", "data.pkl", newPickle().raw(strings.Repeat("N", maxObjects+1)).b)
		require.ErrorContains(t, err, "more than 4194304 values")
	})
	t.Run("bytes", func(t *testing.T) {
		_, err := unpickle("f", "data.pkl", make([]byte, maxPickle+1))
		require.ErrorContains(t, err, "has over 67108864 bytes")
	})
}

// A real pickle cut anywhere is refused.
func TestCutPickles(t *testing.T) {
	pickle := torchPickle(t)
	for i := range pickle {
		_, err := unpickle("f", "data.pkl", pickle[:i])
		var fe *weights.FormatError
		require.ErrorAs(t, err, &fe, "cut at %d", i)
	}
	d, err := unpickle("f", "data.pkl", pickle)
	require.NoError(t, err)
	require.Len(t, d.keys, 23)
}

// torchPickle is the pickle of a file that torch has written.
func torchPickle(t testing.TB) []byte {
	data := torchData(t, "single/pytorch_model.bin")
	members, err := readZip("f", data)
	require.NoError(t, err)
	for _, m := range members {
		if strings.HasSuffix(m.name, "/data.pkl") {
			return data[m.begin:m.end]
		}
	}
	t.Fatal("no pickle")
	return nil
}

func FuzzPickle(f *testing.F) {
	f.Add(torchPickle(f))
	f.Add(one("FloatStorage", 0, 6, 2, []int64{2, 2}, []int64{2, 1}))
	f.Add(newPickle().global("os.system").str("echo").raw("\x85R.").b)
	f.Add([]byte("\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01w\x94N\x93s."))
	f.Fuzz(func(t *testing.T, pickle []byte) {
		data := checkpoint(pickle)
		tensors, err := Read("f", data)
		if err != nil {
			require.True(t, asEither(err, new(*weights.FormatError), new(*weights.UnsupportedError)), "%v", err)
			return
		}
		checkTensors(t, tensors, data)
	})
}
