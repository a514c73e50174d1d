package main

// Answers as models write them: the places they name, and what of them is reasoning.

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/qwenvl/qwenvl/internal/grounding"
	"github.com/qwenvl/qwenvl/internal/output"
)

// boxCase is an answer and the places in it.
type boxCase struct {
	ID, Text, Coordinates, Kind string
	Pictures                    int
	Expected                    []place
}

// place is a place as it is recorded, in the model's own coordinates.
type place struct {
	Label, Shape string
	Points       [][2]float64
	Picture      int // 0: none is named
}

var conventions = map[string]grounding.Convention{
	"thousandths":                   grounding.Thousandths,
	"pixels of the resized picture": grounding.ResizedPixels,
	"fractions":                     grounding.Unit,
}

func judgeBoxes(j *judge, dir, _, _ string) error {
	var cases []boxCase
	if err := readJSONFile(filepath.Join(dir, "cases.json"), &cases); err != nil {
		return err
	}
	for _, c := range cases {
		convention, ok := conventions[c.Coordinates]
		if !ok {
			j.add("boxes."+c.Kind, c.ID, "unknown coordinates "+c.Coordinates, "a case")
			continue
		}
		var found []place
		for _, m := range grounding.Find(c.Text, convention, c.Pictures) {
			shape := [...]string{grounding.Box: "box", grounding.Point: "point",
				grounding.Quad: "quad"}[m.Shape]
			found = append(found, place{m.Label, shape, m.Points, m.Picture})
		}
		got := ""
		if !samePlaces(found, c.Expected) {
			got = showPlaces(found)
		}
		j.add("boxes."+c.Kind, c.ID, got, showPlaces(c.Expected))
	}
	return nil
}

func samePlaces(a, b []place) bool {
	if len(a) != len(b) {
		return false
	}
	for i, p := range a {
		q := b[i]
		if p.Label != q.Label || p.Shape != q.Shape || p.Picture != q.Picture ||
			len(p.Points) != len(q.Points) {
			return false
		}
		for k := range p.Points {
			for axis := range 2 {
				if !(math.Abs(p.Points[k][axis]-q.Points[k][axis]) <= 1e-6) {
					return false
				}
			}
		}
	}
	return true
}

func showPlaces(places []place) string {
	if len(places) == 0 {
		return "none"
	}
	var out []string
	for _, p := range places {
		s := fmt.Sprintf("%s|%s|%v", p.Label, p.Shape, p.Points)
		if p.Picture != 0 {
			s += fmt.Sprint("|picture ", p.Picture)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

// thinkCase is an answer behind a prompt, and its parts.
type thinkCase struct {
	What, Output, Reasoning, Text string
	PromptEnds                    string `json:"prompt_ends"`
}

// thinkMarks returns the marks of the models that a case is about, which think unless told not to.
func thinkMarks(c thinkCase) output.Marks {
	if strings.Contains(c.PromptEnds+c.Output, "think▷") {
		return output.Marks{Open: "◁think▷", Close: "◁/think▷", Usual: true}
	}
	return output.Marks{Open: "<think>", Close: "</think>", Usual: true}
}

// judgeThinking takes each answer whole and character by character.
func judgeThinking(j *judge, dir, _, _ string) error {
	var cases []thinkCase
	if err := readJSONFile(filepath.Join(dir, "cases.json"), &cases); err != nil {
		return err
	}
	for _, c := range cases {
		got := ""
		for _, pieces := range [][]string{{c.Output}, strings.Split(c.Output, "")} {
			reasoning, text := output.Divide(thinkMarks(c), c.PromptEnds, pieces...)
			reasoning, text = strings.TrimSpace(reasoning), strings.TrimSpace(text)
			if reasoning != strings.TrimSpace(c.Reasoning) || text != strings.TrimSpace(c.Text) {
				got = fmt.Sprintf("%q, %q in %d pieces", reasoning, text, len(pieces))
			}
		}
		j.add("thinking", c.What, got, fmt.Sprintf("%q, %q", c.Reasoning, c.Text))
	}
	return nil
}
