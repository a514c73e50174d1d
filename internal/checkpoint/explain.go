package checkpoint

// What a path or a folder is that is no checkpoint: people give names of the hub, single files,
// folders above the one that is meant, downloads that were cut off. Each is told apart by what lies
// there, with what is expected instead. Nothing here decides what loads; only listings, and the
// beginnings of files, are read.

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	configFile  = "config.json"
	adapterFile = "adapter_config.json"
	expected    = "a folder with config.json, weights and tokenizer as on the hub is expected"

	maxListed = 1000 // entries of a folder that are looked at
)

// unfinishedEnds are how programs call what they have not downloaded wholly.
var unfinishedEnds = []string{
	".incomplete", ".part", ".partial", ".crdownload", ".aria2", ".download",
}

// hubName is a name of the hub or its address.
var hubName = regexp.MustCompile(
	`^(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co|modelscope\.cn/models)/)?` +
		`([A-Za-z0-9][\w.-]*/[\w.-]+?)/?$`)

// explainPath says what is wrong with a path that cannot be opened as a folder.
func explainPath(name string, cause error) error {
	e := &Error{File: name, Err: cause}
	info, err := os.Stat(name)
	switch found := hubName.FindStringSubmatch(name); {
	case err == nil && info.Mode().IsRegular():
		e.Problem = explainFile(os.DirFS(filepath.Dir(name)), filepath.Base(name))
		if !strings.Contains(e.Problem, expected) {
			e.Problem += "; pass the folder that it is in, " + filepath.Dir(name)
		}
	case err == nil:
		e.Problem = "not a folder; " + expected
	case found != nil && errors.Is(err, fs.ErrNotExist):
		local := path.Base(found[1])
		e.Problem = "no such folder, and nothing is downloaded here; if it is a model of the hub: " +
			"hf download " + found[1] + " --local-dir " + local + ", then load " + local
	case errors.Is(err, fs.ErrNotExist):
		e.Problem = "no such folder; " + expected
	default:
		e.Problem = "cannot be looked at"
	}
	return e
}

// explainFile says what a single file is.
func explainFile(files fs.FS, name string) string {
	var head [4]byte
	if f, err := files.Open(name); err == nil {
		_, _ = io.ReadFull(f, head[:]) // of a shorter file nothing is known
		_ = f.Close()
	}
	switch ext := path.Ext(name); {
	case string(head[:]) == "GGUF" || ext == ".gguf":
		return "a GGUF file, which this version does not read; " + expected
	case ext == ".safetensors" || ext == ".bin" || ext == ".pt" || ext == ".pth":
		return "a file of weights, not a folder"
	}
	return "a file, not a folder"
}

// explainConfig says why there is no config.json.
func (h *hub) explainConfig() error {
	e := &Error{File: configFile, Err: fs.ErrNotExist}
	names, folders := h.list(".")
	of := func(suffix string) (found []string) {
		for _, name := range names {
			if strings.HasSuffix(strings.ToLower(name), suffix) {
				found = append(found, name)
			}
		}
		return found
	}
	if _, err := fs.Stat(h.files, "."); errors.Is(err, fs.ErrNotExist) && h.dir == "" {
		e.Problem = "missing: the file system has nothing at its root; " + expected
		return e
	}
	where := "missing"
	if h.dir != "" {
		where += " in " + h.dir
	}
	switch inner := h.checkpoints(folders); {
	case slices.Contains(names, adapterFile):
		e.File = adapterFile
		e.Problem = "an adapter without its base model"
		if base := h.baseModel(); base != "" {
			e.Problem += " " + strconv.QuoteToASCII(base)
		}
		e.Problem += ": " + configFile + " is " + where +
			", and adapters are not supported by this version"
		e.Err = ErrUnsupported
	case len(of(".gguf")) > 0:
		e.File = of(".gguf")[0]
		e.Problem = explainFile(h.files, e.File)
		e.Err = ErrUnsupported
	case len(inner) > 0:
		e.Problem = where + "; the checkpoint is in its folder " + strings.Join(inner, " or ")
	case len(h.unfinished()) > 0:
		e.Problem = where + "; a download is not finished: " + h.unfinished()[0]
	case len(names)+len(folders) == 0:
		e.Problem = where + ": the folder is empty; " + expected
	default:
		e.Problem = where + "; " + expected
	}
	return e
}

// checkAdapter refuses an adapter beside its base model, which the reference would add to it.
func (h *hub) checkAdapter() error {
	if _, err := fs.Stat(h.files, adapterFile); err != nil {
		return nil
	}
	const problem = "an adapter beside its base model, which this version cannot add to it; " +
		"merge it, or move it away to load the base model alone"
	return &Error{File: adapterFile, Problem: problem, Err: ErrUnsupported}
}

// baseModel returns the name of the model that an adapter is for; "": it is not said.
func (h *hub) baseModel() string {
	k, err := h.keys(adapterFile)
	if err != nil {
		return ""
	}
	name, _ := strconv.Unquote(string(k.Values["base_model_name_or_path"]))
	return name[:min(len(name), 200)]
}

// list returns the names of a folder's files and folders, sorted.
func (h *hub) list(dir string) (files, folders []string) {
	f, err := h.files.Open(dir)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, nil
	}
	entries, _ := d.ReadDir(maxListed)
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		} else {
			files = append(files, e.Name())
		}
	}
	slices.Sort(files)
	slices.Sort(folders)
	return files, folders
}

// checkpoints returns folders inside that have a config.json: directly, or as the hub's cache lays
// them out.
func (h *hub) checkpoints(folders []string) (found []string) {
	const most = 3
	look := func(dir string) {
		if _, err := fs.Stat(h.files, path.Join(dir, configFile)); err == nil && len(found) < most {
			found = append(found, dir)
		}
	}
	for _, dir := range folders[:min(len(folders), 64)] {
		look(dir)
		snapshots := path.Join(dir, "snapshots")
		if dir == "snapshots" {
			snapshots = dir
		}
		_, revisions := h.list(snapshots)
		for _, revision := range revisions[:min(len(revisions), 64)] {
			look(path.Join(snapshots, revision))
		}
	}
	return found
}

// unfinished returns files that downloads left, where programs put them.
func (h *hub) unfinished() (found []string) {
	for _, dir := range []string{".", ".cache/huggingface/download", "blobs", "._____temp"} {
		names, _ := h.list(dir)
		for _, name := range names {
			if slices.Contains(unfinishedEnds, path.Ext(name)) {
				found = append(found, path.Join(dir, name))
			}
		}
	}
	return found
}

// explainWeights says why there are no weights, or a shard is missing, beyond what the reader of
// folders tells. Other errors stay as they are.
func (h *hub) explainWeights(err error) error {
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, _ := h.list(".")
	var hint string
	is := func(suffix string) func(string) bool {
		return func(name string) bool { return strings.HasSuffix(name, suffix) }
	}
	first := func(suffix string) string {
		if i := slices.IndexFunc(names, is(suffix)); i >= 0 {
			return names[i]
		}
		return ""
	}
	var placed Placed
	switch file := first(".safetensors"); {
	case len(h.unfinished()) > 0:
		hint = "a download is not finished: " + h.unfinished()[0]
	case errors.As(err, &placed): // a shard
		return err
	case file != "":
		hint = file + " is neither a whole model's file by its name nor listed by an index"
	case first(".gguf") != "":
		hint = first(".gguf") + " is " + explainFile(h.files, first(".gguf"))
	case first(".bin") != "" || first(".pth") != "" || first(".h5") != "":
		hint = first(".bin") + first(".pth") + first(".h5") + " is of a kind or name that is not read"
	}
	file, field := h.dir, ""
	if errors.As(err, &placed) {
		file, field = placed.Place()
	}
	if file == "" {
		file = "model.safetensors"
	}
	problem := "no weights"
	if field != "" {
		problem = "missing shard"
	}
	if hint != "" {
		problem += ": " + hint
	}
	return &Error{File: file, Field: field, Problem: problem, Err: err}
}
