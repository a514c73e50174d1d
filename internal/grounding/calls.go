package grounding

// Places in calls: pyautogui.click(x=0.25, y=0.5), do(action="Tap", element=[500, 250]).

import (
	"regexp"
	"strings"
)

const decimals = `\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*`

var (
	clicks = regexp.MustCompile(`pyautogui\.(?:\w*[cC]lick|moveTo|dragTo|mouseDown|mouseUp)` +
		`\(\s*(?:x\s*=)?` + decimals + `,\s*(?:y\s*=)?` + decimals + `[,)]`)
	arguments = regexp.MustCompile(`[(,]\s*x\s*=` + decimals + `,\s*y\s*=` + decimals + `[,)]`)
	touches   = regexp.MustCompile(`(?i)\b\w*(?:click|tap|press|move_?to|drag_?to|mouse_move)\w*` +
		`\(\s*x\s*=` + decimals + `,\s*y\s*=` + decimals + `[,)]`)
	deeds = regexp.MustCompile(`[(,]\s*(?:element|start|end)\s*=\s*[\[(]` + decimals + `,` +
		decimals + `[\])]`)
)

// calls finds points written as arguments. Where coordinates are fractions any call with an x and
// a y is one; elsewhere a fraction is none, for it would be of another model.
func calls(text string, c Convention) (marks []Mark) {
	find := func(pattern *regexp.Regexp) {
		var found []Mark
		for _, m := range pattern.FindAllStringSubmatchIndex(text, maxMarks) {
			x, _ := decimal(text[m[2]:m[3]]) // the patterns let nothing else through
			y, _ := decimal(text[m[4]:m[5]])
			if c == Unit || x > 1 || y > 1 {
				found = append(found, Mark{Shape: Point, Points: [][2]float64{{x, y}},
					Start: m[0], End: m[1]})
			}
		}
		marks = append(found, others(found, marks)...)
	}
	if c == Unit {
		find(arguments)
	}
	if c != Unit && strings.Contains(text, "(x") {
		find(touches)
	}
	if strings.Contains(text, "pyautogui.") {
		find(clicks)
	}
	if strings.Contains(text, "do(action=") {
		find(deeds)
	}
	return marks
}
