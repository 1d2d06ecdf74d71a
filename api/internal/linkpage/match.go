package linkpage

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// The bounds of a header that is looked at. No browser sends as many languages, and no
// language is spelt as long.
const (
	maxLanguages = 50
	maxTag       = 64
)

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, 0, len(languages))
	for _, l := range languages {
		tags = append(tags, l.tag)
	}
	return language.NewMatcher(tags)
})

// match answers the index of the language that the values of an Accept-Language header
// ask for, and of the first one where we speak none of theirs. An entry that is no
// language is passed over.
func match(accept []string) int {
	type wish struct {
		tag language.Tag
		q   float32
	}
	var wishes []wish
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		if len(wishes) == maxLanguages {
			break
		}
		if len(entry) > maxTag {
			continue
		}
		tags, qs, err := language.ParseAcceptLanguage(entry)
		if err == nil && len(tags) == 1 { // none: q is 0
			wishes = append(wishes, wish{tags[0], qs[0]})
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.q, a.q) })
	tags := make([]language.Tag, 0, len(wishes))
	for _, w := range wishes {
		tags = append(tags, w.tag)
	}
	_, i, _ := matcher().Match(tags...)
	return i
}
