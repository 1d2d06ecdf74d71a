package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// file applies the configuration file.
func (l *loader) file(data []byte) {
	root, err := l.document(data)
	if err != nil {
		l.problems = append(l.problems, l.syntax(data, err))
		return
	}
	if root != nil {
		l.section(root, "")
	}
}

// document is the root of the file's one document, nil if it is empty.
func (l *loader) document(data []byte) (*yaml.Node, error) {
	dec, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	var doc, second yaml.Node
	if err := dec.Load(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := dec.Load(&second); err == nil {
		l.refusef(second.Line, "", "the file holds a second document: join them and remove the line ---")
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// syntax is the problem of a file that is not YAML.
func (l *loader) syntax(data []byte, err error) Problem {
	p := Problem{File: l.name, Text: "not valid YAML: " + strings.ReplaceAll(err.Error(), "\n", " ")}
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		return p
	}
	p.Line = at.Mark.Line
	p.Text = "not valid YAML: " + at.Message
	if strings.HasPrefix(at.Message, "unknown anchor") {
		// The library shows the name, which may be an unquoted password.
		p.Text = "a value begins with *: put it in quotes"
		return p
	}
	// The library's position is where it gave up; what was left open is more use.
	if at.ContextMark.Line > 0 && at.ContextMark.Line < p.Line {
		p.Text += fmt.Sprintf(" (%s from line %d)", at.ContextMsg, at.ContextMark.Line)
	}
	if lines := bytes.Split(data, []byte("\n")); p.Line > 0 && p.Line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[p.Line-1], " "), []byte("\t")) {
		p.Text = "not valid YAML: the line is indented with a tab: use spaces"
	}
	return p
}

// section applies the keys of a mapping; path is its own, "" for the root.
func (l *loader) section(n *yaml.Node, path string) {
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return // a section whose keys are all commented out
	case n.Kind != yaml.MappingNode && path == "":
		l.refusef(n.Line, "", "the file must hold keys with values, as in listen: 127.0.0.1:8080")
		return
	case n.Kind != yaml.MappingNode:
		l.refusef(n.Line, path, "is a section: write its keys below it, indented: %s", strings.Join(children(path), ", "))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			l.refusef(name.Line, path, "holds something that is not a key")
			continue
		}
		if first, ok := seen[name.Value]; ok {
			l.refusef(name.Line, "", "%s is already set in line %d: keep one of them", display(join(path, name.Value)), first)
			continue
		}
		seen[name.Value] = name.Line
		l.entry(join(path, name.Value), name.Line, value)
	}
}

// entry applies one key with its value.
func (l *loader) entry(path string, line int, value *yaml.Node) {
	if sections[path] {
		l.section(value, path)
		return
	}
	k, ok := findKey(path)
	if !ok {
		l.refusef(line, "", "%s", unknownKey(path))
		return
	}
	l.origin[path] = Problem{File: l.name, Line: value.Line}
	before := len(l.problems)
	if field := k.in(&l.config); field.Kind() == reflect.Slice {
		l.list(k, field, value)
	} else if err := setNode(field, value); err != nil {
		l.refusef(value.Line, path, "%s", err)
	}
	if len(l.problems) > before {
		l.failed[path] = true
	}
}

func (l *loader) list(k key, field reflect.Value, value *yaml.Node) {
	if value.Kind != yaml.SequenceNode {
		l.refusef(value.Line, k.path, "must be a list, as in %s", example(field))
		return
	}
	items := make([]string, len(value.Content))
	for i, item := range value.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			l.refusef(item.Line, k.path, "must be a list of single values, as in %s", example(field))
			return
		}
		items[i] = item.Value
	}
	bad := setList(field, items)
	for i, item := range value.Content {
		if err := bad[i]; err != nil {
			l.refusef(item.Line, k.path, "%s", err)
		}
	}
}

// setNode puts a scalar into a field. YAML's own idea of the type has to agree
// with the field's: a password of digits must be quoted, a number must not.
func setNode(field reflect.Value, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return errors.New("anchors and aliases are not supported: write the value out")
	}
	if n.Kind != yaml.ScalarNode {
		return errors.New("must be a single value")
	}
	tag := n.ShortTag()
	switch {
	case tag == "!!null":
		return errors.New("has no value: give one, or remove the line for the default")
	case field.Kind() == reflect.String && tag != "!!str":
		return errors.New(`is not text to YAML: put the value in quotes, as in "123"`)
	}
	if _, number := reflect.TypeAssert[int](field); number && tag == "!!str" && n.Style != 0 {
		return errors.New("must be a number: remove the quotes")
	}
	if field.Kind() == reflect.Bool && tag == "!!str" && n.Style != 0 {
		return errors.New("must be true or false: remove the quotes")
	}
	return set(field, n.Value)
}

// unknownKey names what was probably meant: the key a slip of the pen away, or
// those of the same name in other sections.
func unknownKey(path string) string {
	text := display(path) + " is not a key"
	if len(path) > maxName {
		return text
	}
	section, name, nested := strings.Cut(path, ".")
	if !nested {
		section, name = "", path
	}
	known := children("")
	var same []string
	for _, k := range keys {
		known = append(known, k.path)
		if k.path == name || strings.HasSuffix(k.path, "."+name) {
			same = append(same, k.path)
		}
	}
	if best, edits := nearest(path, known); edits <= 2 {
		return text + ": did you mean " + best + "?"
	}
	if len(same) > 0 {
		return text + ": did you mean " + strings.Join(same, " or ") + "?"
	}
	return text + ": the known ones are " + strings.Join(children(section), ", ")
}

// display shows a path of the file in a message, quoted if it is no plain word.
func display(path string) string {
	for _, r := range path {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.' && r != '-' {
			return quote(path)
		}
	}
	if path == "" || len(path) > maxName {
		return quote(path)
	}
	return path
}

func (l *loader) refusef(line int, key, format string, args ...any) {
	l.problems = append(l.problems, Problem{File: l.name, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}
