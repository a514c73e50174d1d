package grounding

// Places whose numbers have keys of their own: {"x1": 1, "y1": 2, …}, or attributes of a tag.

import (
	"strconv"
	"strings"
)

// cornerKeys are the ways to write corners one by one, with what they make; the first that is
// complete counts.
var cornerKeys = []struct {
	keys []string
	role role
}{
	{strings.Fields("x1 y1 x2 y2 x3 y3 x4 y4"), quadRole},
	{strings.Fields("x1 y1 x2 y2"), boxRole},
	{strings.Fields("x0 y0 x1 y1"), boxRole},
	{strings.Fields("x y x2 y2"), boxRole},
	{strings.Fields("xmin ymin xmax ymax"), boxRole},
	{strings.Fields("minx miny maxx maxy"), boxRole},
	{strings.Fields("left top right bottom"), boxRole},
	{strings.Fields("l t r b"), boxRole},
	{strings.Fields("xstart ystart xend yend"), boxRole},
	{strings.Fields("startx starty endx endy"), boxRole},
	{strings.Fields("xleft ytop xright ybottom"), boxRole},
	{strings.Fields("x y width height"), sizeRole},
	{strings.Fields("x y w h"), sizeRole},
	{strings.Fields("left top width height"), sizeRole},
	{strings.Fields("xmin ymin width height"), sizeRole},
	{strings.Fields("x1 y1 width height"), sizeRole},
	{strings.Fields("cx cy width height"), centreRole},
	{strings.Fields("cx cy w h"), centreRole},
	{strings.Fields("xcenter ycenter width height"), centreRole},
	{strings.Fields("centerx centery width height"), centreRole},
	{strings.Fields("topleft topright bottomright bottomleft"), quadRole},
	{strings.Fields("p1 p2 p3 p4"), quadRole},
	{strings.Fields("topleft bottomright"), boxRole},
	{strings.Fields("lefttop rightbottom"), boxRole},
	{strings.Fields("upperleft lowerright"), boxRole},
	{strings.Fields("tl br"), boxRole},
	{strings.Fields("min max"), boxRole},
	{strings.Fields("p1 p2"), boxRole},
}

// corners makes a place of an object that has its numbers one by one.
func corners(n node) (place, bool) {
	if len(n.keys) < 2 || len(n.keys) > maxValues {
		return place{}, false
	}
	have := map[string]node{}
	for i, key := range n.keys {
		if len(key) <= maxKey {
			have[plain(key)] = n.items[i]
		}
	}
	for _, c := range cornerKeys {
		var numbers []float64
		for _, key := range c.keys {
			v := spot(have[key])
			if len(v) == 0 {
				break
			}
			numbers = append(numbers, v...)
		}
		if len(numbers) == len(c.keys) || len(numbers) == 2*len(c.keys) {
			if p := one(numbers, c.role); len(p) == 1 {
				return p[0], true
			}
		}
	}
	point := spot(n)
	if len(point) != 2 || n.cut { // what is cut off may have been going to be a box
		return place{}, false
	}
	return place{shape: Point, points: [][2]float64{{point[0], point[1]}}}, true
}

// spot returns the numbers of a corner: one, a pair, or the x and y of an object.
func spot(n node) (numbers []float64) {
	if v, ok := n.numeric(); ok {
		return []float64{v}
	}
	if n.kind < list || len(n.items) > maxValues {
		return nil
	}
	var x, y float64
	var haveX, haveY bool
	switch {
	case n.kind == list && len(n.items) == 2:
		x, haveX = n.items[0].numeric()
		y, haveY = n.items[1].numeric()
	case n.kind == object:
		for i, key := range n.keys {
			switch key {
			case "x", "X":
				x, haveX = n.items[i].numeric()
			case "y", "Y":
				y, haveY = n.items[i].numeric()
			}
		}
	}
	if !haveX || !haveY {
		return nil
	}
	return []float64{x, y}
}

// numberedPoints returns the points whose numbers have numbered keys: x1, y1, x2, y2, …
func numberedPoints(n node) (points [][2]float64) {
	have := map[string]float64{}
	for i, key := range n.keys {
		if v, ok := n.items[i].numeric(); ok {
			have[key] = v
		}
	}
	for _, key := range n.keys {
		x, ok := have[key]
		digits, isX := strings.CutPrefix(key, "x")
		if _, err := strconv.Atoi(digits); !ok || !isX || err != nil && digits != "" {
			continue
		}
		if y, ok := have["y"+digits]; ok {
			points = append(points, [2]float64{x, y})
			delete(have, key)
		}
	}
	return points
}
