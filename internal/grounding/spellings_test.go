package grounding

// The many ways to write one place.

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeys(t *testing.T) {
	const box = "a box [[1 2] [3 4]] of 0"
	for _, key := range []string{
		"bbox_2d", "BBox_2D", "bbox2d", "bbox-2d", "bbox", "BBOX", "box", "box_2d", "bboxes_2d", "bboxes", "boxes", "boundingBox", "bounding_box", "Bounding Box",
		"bounding_boxes", "bndbox", "coordinates", "Coords", "rect", "region", "position", "location", "loc", "bbox_1", "bbox_xyxy", "target_bbox", "bbox_pixels", "final_coordinates", "start_box", "坐标", "边界框",
	} {
		for _, value := range []string{
			`[1, 2, 3, 4]`, `[1.0, 2.0, 3.0, 4.0]`, `["1", "2", "3", "4"]`, `[[1, 2], [3, 4]]`, `[[1, 2, 3, 4]]`, `[[[1, 2, 3, 4]]]`, `"[1, 2, 3, 4]"`, `"1, 2, 3, 4"`, `"1 2 3 4"`,
			`"(1,2),(3,4)"`, `"<box>(1,2),(3,4)</box>"`, `"<|box_start|>(1,2),(3,4)<|box_end|>"`, `["1 2 3 4"]`, `"[1, 2, 3, 4"`, `"x1=1, y1=2, x2=3, y2=4"`,
			`{"x1": 1, "y1": 2, "x2": 3, "y2": 4}`, `{"xmin": "1", "ymin": 2, "xmax": 3, "ymax": 4}`, `{"left": 1, "top": 2, "right": 3, "bottom": 4}`,
			`{"x": 1, "y": 2, "width": 2, "height": 2}`, `{"x": 1, "y": 2, "w": 2, "h": 2}`, `{"cx": 2, "cy": 3, "w": 2, "h": 2}`, `[{"x1": 1, "y1": 2, "x2": 3, "y2": 4}]`,
			`[{"x": 1, "y": 2}, {"x": 3, "y": 4}]`, `{"min": {"x": 1, "y": 2}, "max": {"x": 3, "y": 4}}`,
			`{"top_left": [1, 2], "bottom_right": [3, 4]}`, `{"topLeft": {"x": 1, "y": 2}, "bottomRight": {"x": 3, "y": 4}}`, `"{\"x1\": 1, \"y1\": 2, \"x2\": 3, \"y2\": 4}"`,
		} {
			text := fmt.Sprintf(`{"%s": %s, "label": "a"}`, key, value)
			require.Equal(t, box, found(text), text)
		}
	}
	for _, key := range []string{
		"label", "Label", "labels", "class", "class_name", "className", "category", "object", "object_name", "name", "text", "text_content", "title", "description",
		"type", "tag", "caption", "element", "标签", "类别", "名称",
	} {
		require.Equal(t, box, found(fmt.Sprintf(`{"%s": "a", "bbox_2d": [1,2,3,4]}`, key)), key)
	}
	for value, label := range map[string]string{`7`: "7", `0.5`: "0.5", `null`: "", `None`: "", `""`: "", `["a"]`: "a", `" a "`: "a", `{"x": "y"}`: ""} {
		require.Equal(t, label+" box [[1 2] [3 4]] of 0", found(`{"label": `+value+`, "bbox_2d": [1,2,3,4]}`), value)
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"x1": 1, "y1": 2, "x2": 3, "y2": 4, "label": "a"}`, "a box [[1 2] [3 4]] of 0"},
		{`{"label": "a", "x": 1, "y": 2}`, "a point [[1 2]] of 0"},
		{`{"bboxes": [[1,2,3,4],[5,6,7,8]], "labels": ["a","b"]}`, "a box [[1 2] [3 4]] of 0; b box [[5 6] [7 8]] of 0"},
		{`{"bboxes": [[1,2,3,4],[5,6,7,8]], "labels": ["a","b","c"]}`, "a, b, c box [[1 2] [3 4]] of 0; a, b, c box [[5 6] [7 8]] of 0"},
		{`{"<OCR>": {"quad_boxes": [[1,2,3,4,5,6,7,8]], "labels": ["a"]}}`, "a quad [[1 2] [3 4] [5 6] [7 8]] of 0"},
		{`{"bbox_2d": [1,2,3,4,5,6,7,8], "label": "a"}`, "a quad [[1 2] [3 4] [5 6] [7 8]] of 0"},
		{`{"bbox_2d": [[1,2],[3,4],[5,6],[7,8]], "label": "a"}`, "a quad [[1 2] [3 4] [5 6] [7 8]] of 0"},
		{`{"x1":1,"y1":2,"x2":3,"y2":4,"x3":5,"y3":6,"x4":7,"y4":8}`, " quad [[1 2] [3 4] [5 6] [7 8]] of 0"},
		{`{"bbox_2d": [1,2,3,4,"a"]}`, "a box [[1 2] [3 4]] of 0"},
		{`{"label": "a", "boundingPoly": {"vertices": [{"x":1,"y":2},{"x":3,"y":4},{"x":5,"y":6}]}}`, "a quad [[1 2] [3 4] [5 6]] of 0"},
		{`{"bbox_xywh": [1,2,2,2], "label": "a"}`, "a box [[1 2] [3 4]] of 0"},
		{`[{"point_2d": ["1", "2"], "label": "a"}] {"POINT": [3,4], "to": "down"} {"coordinate": [5,6]}`, "a point [[1 2]] of 0;  point [[3 4]] of 0;  point [[5 6]] of 0"},
		{`{"points": [{"x":1,"y":2,"label":"a"},{"point":[3,4],"label":"b"}]}`, "a point [[1 2]] of 0; b point [[3 4]] of 0"},
		{`{"points": [[1,2],[3,4]], "labels": ["a","b"]}`, "a point [[1 2]] of 0; b point [[3 4]] of 0"},
		{`{"bbox": [1,2,3,4], "points_1": [5,6], "points_2": [7,8]}`, " box [[1 2] [3 4]] of 0;  point [[5 6]] of 0;  point [[7 8]] of 0"},
		{`{"label": "a", "boxes": [{"x1":1,"y1":2,"x2":3,"y2":4}, {"bbox":[5,6,7,8],"label":"b"}]}`, "a box [[1 2] [3 4]] of 0; b box [[5 6] [7 8]] of 0"},
		{"bbox_2d: [1, 2, 3, 4]\nbox=[[5, 6, 7, 8]]", " box [[1 2] [3 4]] of 0;  box [[5 6] [7 8]] of 0"},
		{"'center':\n 1, 2 to=(1, 2) region=[1, 2, 3, 4] the box: [1, 2, 3, 4], at position [1, 2]", ""},
	} {
		require.Equal(t, c.want, found(c.text), c.text)
	}
}

// Labels that stand around the places, or on the line above or below.
func TestLabelsAround(t *testing.T) {
	const a, b = "a box [[1 2] [3 4]] of 0", "; b box [[5 6] [7 8]] of 0"
	for _, c := range []struct{ text, want string }{
		{`{"bboxes": {"a": [1,2,3,4], "b": [[5,6,7,8]]}}`, a + b},
		{`{"keypoints": {"a": [1,2]}}`, "a point [[1 2]] of 0"},
		{`{"a": {"bbox_2d": [1,2,3,4]}, "b": {"bbox_2d": [5,6,7,8]}}`, a + b},
		{`{"a": {"bbox_2d": [1,2,3,4], "label": "x"}, "b": {"bbox_2d": [5,6,7,8]}}`, "x box [[1 2] [3 4]] of 0" + b},
		{`{"answer": {"bbox_2d": [1,2,3,4]}} {"x": {"y": 1}, "z": {"bbox": [1,2,3,4]}}`, " box [[1 2] [3 4]] of 0;  box [[1 2] [3 4]] of 0"},
		{`{"label": "a", "instances": [{"bbox": [1,2,3,4]}, {"bbox": [5,6,7,8], "label": "b"}]}`, a + b},
		{`{"name": "tool", "arguments": {"bbox": [1,2,3,4]}}`, " box [[1 2] [3 4]] of 0"},
		{"- label: a\n  bbox_2d: [1, 2, 3, 4]\n- label: b\n  bbox_2d: [5, 6, 7, 8]", a + b},
		{"bbox_2d: [1, 2, 3, 4]\nlabel: a\nbbox_2d: [5, 6, 7, 8]\nlabel: b", a + b},
		{"Object: a\nBounding box: [1, 2, 3, 4]\nObject: b\nbounding_box: (5, 6, 7, 8)", a + b},
		{`<node text="a" bounds="[1,2][3,4]"/>`, a},
		{"The bounding box of a: [1, 2, 3, 4]", ""},
		{"bbox_2d: [1, 2, 3, 4]\n\nLabel: far\n", " box [[1 2] [3 4]] of 0"},
	} {
		require.Equal(t, c.want, found(c.text), c.text)
	}
}

func TestTags(t *testing.T) {
	const a = "a box [[1 2] [3 4]] of 0"
	for _, c := range []struct{ text, want string }{
		{"<ref>a</ref><box>1,2,3,4</box>", a},
		{"<ref>a</ref><box>1 2 3 4</box>", a},
		{"<ref>a</ref>: <box>[1, 2, 3, 4]</box>", a},
		{"<ref>a</ref><box>[[1, 2, 3, 4]]</box>", a},
		{"<ref>a</ref><box>(1,2)(3,4)</box>", a},
		{"<ref>a</ref><box>（1，2），（3，4）</box>", a},
		{"<ref>a</ref><bbox>1, 2, 3, 4</bbox>", a},
		{"<ref>a<box>(1,2),(3,4)</box>", a},
		{"<|object_ref_start|>a<|box_start|>(1,2),(3,4<|box_end|>", a},
		{"<ref>a</ref><box>(1,2),(3,4)", a},
		{"<ref>a</ref><box>(1,2),(3,4) is there", a},
		{"<ref>a</ref><box>(1,2),(3,4)<ref>b</ref><box>(5,6),(7,8)</box>", a + "; b box [[5 6] [7 8]] of 0"},
		{"<ref>a</ref><box>[[1,2,3,4],[5,6,7,8]]</box>", a + "; a box [[5 6] [7 8]] of 0"},
		{"<|object_ref_start|>a<|object_ref_end|><|box_start|>[1, 2, 3, 4]<|box_end|>", a},
		{"<point>1 2</point><point>[[3, 4]]</point><|point_start|>(5,6)<|point_end|>", " point [[1 2]] of 0;  point [[3 4]] of 0;  point [[5 6]] of 0"},
		{"<box>(1,2), (34)</box> <box>1,2,3</box> <box>1,2,3,4", ""},
		{"<b>1,2,3,4</b> <td>1 2 3 4</td>", ""},
		{"<|ref|>a<|/ref|><|det|>[[1, 2, 3, 4], [5, 6, 7, 8]]<|/det|>", a + "; a box [[5 6] [7 8]] of 0"},
		{`<p data-bbox="1 2 3 4">a</p>`, a},
		{`<img alt="a" class="x" bbox='[1, 2, 3, 4]'/>`, a},
		{`<bbox x1="1" y1="2" x2="3" y2="4" label="a"/><box xmin="5" ymin="6" xmax="7" ymax="8">b</box>`, a + "; b box [[5 6] [7 8]] of 0"},
		{"<!-- Image (1, 2, 3, 4) -->\n<!-- Table (5,6,7,8) --> <!-- Image (if any) -->", "Image box [[1 2] [3 4]] of 0; Table box [[5 6] [7 8]] of 0"},
		{`<p data-polygon="1 2 3 4 5 6 7 8">a</p>`, "a quad [[1 2] [3 4] [5 6] [7 8]] of 0"},
		{`<box x="1" y="2"/> <rect x="1" y="2" width="2" height="2"/> <p data-page="1 2 3 4">a</p>`, ""},
	} {
		require.Equal(t, c.want, found(c.text), c.text)
	}
}

// Actions of models that use computers.
func TestActions(t *testing.T) {
	const p, q = " point [[1 2]] of 0", ";  point [[3 4]] of 0"
	for _, c := range []struct{ text, want string }{
		{"<tool_call>\n{\"name\": \"computer_use\", \"arguments\": {\"action\": \"left_click\", \"coordinate\": [1, 2]}}\n</tool_call>", p},
		{`<tool_call>{"name": "mobile_use", "arguments": {"action": "swipe", "coordinate": [1, 2], "coordinate2": [3, 4]}}`, p + q},
		{`{"name": "computer_use", "arguments": "{\"action\": \"left_click\", \"coordinate\": [1, 2]}"}`, p},
		{"<function=computer_use>\n<parameter=action>\nleft_click\n</parameter>\n<parameter=coordinate>\n[1, 2]\n</parameter>\n</function>", p},
		{"<function=mobile_use><parameter=coordinate>[1, 2]</parameter><parameter=coordinate2>[3, 4]</parameter></function>", p + q},
		{"<function=f><parameter=x>1</parameter><parameter=y>2</parameter></function><function=g><parameter=x>3</parameter></function>", p},
		{"<function=f><parameter=arguments>\n{\"coordinate\": [1, 2]}\n</parameter></function>", p},
		{`{"content": "Action: tap {\"coordinate\": [1, 2]}"}`, p},
		{"<function=f>\n<parameter=coordinate>\n[1, 2]", p},
		{"<function=f>\n<parameter=coordinate>\n[1, 2", ""},
		{"<function=f>\n<parameter=action>\nclick\n<parameter=coordinate>\n[1, 2]\n</function>", p},
		{`{"action": "swipe", "start": [1, 2], "end": [3, 4]} {"click": 5}`, p + q},
		{"click(x=1.5, y=2) f(x=1, y=2) long_press(x=3,y=4)", " point [[1.5 2]] of 0" + q},
		{`do(action="Swipe", start=[1,2], end=[3,4])`, p + q},
		{"click(point='1 2')", p},
		{`<invoke name="f"><parameter name="coordinate">[1, 2]</parameter></invoke>`, p},
		{"<function name='f'><parameter name='coordinate'>[1, 2]</parameter></function>", p},
		{"click(start_box='(1,2)", p},
		{"Action: click(start_box='(1,2)')", p},
		{"Action: click(start_box='<|box_start|>(1,2)<|box_end|>')", p},
		{`drag(start_box="(1,2)", end_box="(3,4)")`, p + q},
		{"drag(start_point='<point>1 2</point>', end_point='<point>3 4</point>')", p + q},
		{"click(point='<point>1 2</point>')", p},
		{"click(start_box='<bbox>1 2 3 4</bbox>')", " box [[1 2] [3 4]] of 0"},
		{"click(start_box='[1, 2, 3, 4]')", " box [[1 2] [3 4]] of 0"},
		{"type(content='(1,2)') wait() finished(content='start_box')", ""},
		{"pyautogui.moveTo(1, 2)\npyautogui.dragTo(x=3, y=4, button='left')", p + q},
		{"pyautogui.click(x=0.25, y=0.5) pyautogui.scroll(3, 4) pyautogui.hotkey('ctrl', '1')", ""},
	} {
		require.Equal(t, c.want, found(c.text), c.text)
	}
	marks := Find("pyautogui.click(0.25, 0.5) tap(x=0.75, y=0.5)", Unit, 1)
	require.Len(t, marks, 2)
	require.Equal(t, [][2]float64{{0.25, 0.5}}, marks[0].Points)
}

func TestThoughts(t *testing.T) {
	const a = " box [[1 2] [3 4]] of 0"
	for _, c := range []struct{ text, want string }{
		{"<think>first {\"bbox_2d\": [9,9,9,9]}</think>\n{\"bbox_2d\": [1,2,3,4]}", a},
		{"<think>left</think><answer><box>(1,2),(3,4)</box></answer>", a},
		{"first <box>(9,9),(9,9)</box>\n</think>\n<box>(1,2),(3,4)</box>", a},
		{"<think>first <box>(9,9),(9,9)</box>", ""},
		{"◁think▷<box>(9,9),(9,9)</box>◁/think▷<box>(1,2),(3,4)</box>", a},
		{"<thinking>\n<box>(9,9),(9,9)</box>\n</thinking>\n<box>(1,2),(3,4)</box>", a},
		{"<think>x</think><box>(1,2),(3,4)</box> as said in </think>", a},
		{"I <think> <box>(1,2),(3,4)</box>", a},
		{"<think>x</think> <think><box>(9,9),(9,9)</box></think> <box>(1,2),(3,4)</box>", a},
	} {
		require.Equal(t, c.want, found(c.text), c.text)
	}
	text := "<think>é</think>\n<box>(1,2),(3,4)</box>"
	m := Find(text, Thousandths, 1)
	require.Equal(t, "<box>(1,2),(3,4)</box>", text[m[0].Start:m[0].End], "places are where they were")
}

func TestNamesOfPictures(t *testing.T) {
	for _, name := range []string{
		"Picture 2", "image 2", "Image_2", "Img 2", "IMG-2", "photo 2", "Image #2", "image no. 2", "image number 2", "[Image 2]", "image (2)", "图（2）", "image two",
		"the second image", "2nd picture", "second photo", "图2", "图 2", "图片2", "图像2", "图二", "第2张图", "第二张图片", "第二幅图像", "第二个图",
	} {
		require.Equal(t, " box [[1 2] [3 4]] of 2", found("In "+name+": <box>(1,2),(3,4)</box>"), name)
	}
	for _, key := range []string{
		`"image": 2`, `"image_id": 2`, `"img_idx": "2"`, `"image_index": 2`, `"picture": "Picture 2"`, `"image": "image_2"`, `"image": "image_2.png"`, `"img": "img2"`,
		`"image": "the second image"`, `"image_name": "Image 2"`, `"image": "second"`, `"图片": 2`, `"图": "图二"`, `"image": "第二张图"`,
	} {
		require.Equal(t, " box [[1 2] [3 4]] of 2", found(`[{`+key+`, "bbox_2d": [1,2,3,4]}]`), key)
	}
	for _, text := range []string{"图一样", "two images", "the second one", "20 images", "一张图", "pics 2", "image (2, 3)"} {
		require.Equal(t, " box [[1 2] [3 4]] of 0", found(text+" <box>(1,2),(3,4)</box>"), text)
	}
}
