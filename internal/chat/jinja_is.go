package chat

// The tests of guarded templates: "value is name".

import (
	"strings"

	"github.com/ardanlabs/jinja"
)

// test is "value is name(args)".
func (e *env) test(args []value, _ kwargs) (value, error) {
	ok, err := e.tests(args[0].AsString(), args[1], args[2:])
	return jinja.NewBool(ok), err
}

func (e *env) tests(name string, v value, args []value) (bool, error) {
	if testTakesArgument[name] && len(args) != 1 {
		return false, typeError("test %s takes one argument", name)
	}
	switch name {
	case "defined":
		return !v.IsUndefined(), nil
	case "undefined":
		return v.IsUndefined(), nil
	case "none":
		return v.IsNone(), nil
	case "boolean":
		return v.IsBool(), nil
	case "true":
		return v.IsBool() && v.AsBool(), nil
	case "false":
		return v.IsBool() && !v.AsBool(), nil
	case "integer":
		return v.IsInt(), nil
	case "float":
		return v.IsFloat(), nil
	case "number":
		return v.IsNumber() || v.IsBool(), nil
	case "string":
		return v.IsString(), nil
	case "mapping":
		return v.IsDict(), nil
	case "iterable":
		return v.IsList() || v.IsDict() || v.IsString() || v.IsUndefined(), nil
	case "sequence":
		return v.IsList() || v.IsDict() || v.IsString() || v.IsUndefined(), nil
	case "callable":
		return v.IsCallable(), nil
	case "odd", "even", "divisibleby":
		n := jinja.NewInt(2)
		if name == "divisibleby" {
			n = args[0]
		}
		r, err := e.arith('%')([]value{v, n}, nil)
		if err != nil {
			return false, err
		}
		return r.IsTruthy() == (name == "odd"), nil
	case "upper", "lower":
		s, err := e.toString(v)
		if err == nil {
			err = e.pay(len(s))
		}
		if name == "upper" {
			return isAll(s, "isupper"), err
		}
		return isAll(s, "islower"), err
	case "sameas": // identity: of the values templates hold it can only be told for constants
		if args[0].IsBool() || args[0].IsNone() {
			return v.IsBool() == args[0].IsBool() && v.Equals(args[0]), nil
		}
		return false, typeError("sameas takes a constant")
	}
	return e.holds(strings.TrimSuffix(name, "ualto"), v, args[0])
}
