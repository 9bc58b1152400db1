package menus

import (
	"errors"
	"fmt"
	"strings"

	"nova/menus/gsm7"
	"nova/sessions"
)

var defaultBudget = gsm7.Default

// show renders the present screen. A menu or an input too long for one screen is paged; a screen that takes a PIN
// and a result never are (the lint proves that they fit).
func (t *Turn) show() Outcome {
	pages, err := t.pages()
	if err != nil {
		return t.fail(err, Result)
	}
	t.s.Page %= len(pages)
	return t.reply(pages[t.s.Page], t.kind() == Result)
}

// kind is the present screen's; a menu is a Choice.
func (t *Turn) kind() Kind {
	if t.s.Flow == "" {
		return Choice
	}
	return t.e.flows[t.s.Flow].flow.Screens[t.s.Screen].Kind
}

// reply seals the hop: what the handset gets, and what a repeat of the hop will get.
func (t *Turn) reply(text string, end bool) Outcome {
	text = t.dial.Budget.Cut(text)
	t.s.Reply = sessions.Reply{Text: text, End: end}
	t.s.Ended = end
	return Outcome{Reply: t.s.Reply, Resume: t.resume, Moved: t.moved, Err: t.err}
}

// finish ends the dialogue with a text of the language packs.
func (t *Turn) finish(key string, err error) Outcome {
	text, missing, fillErr := t.e.o.Packs.fill(t.s.Language, key, t.value)
	if fillErr != nil || len(missing) > 0 {
		err = errors.Join(err, fillErr, lacks(key, missing))
		text, _, _ = t.e.o.Packs.fill(t.s.Language, t.troubled(), t.value) // proved to exist
	}
	t.err = errors.Join(t.err, err)
	return t.reply(text, true)
}

func lacks(key string, missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("text %s lacks %s", key, strings.Join(missing, ", "))
}

// pages cuts the present screen into pages that fit the gateway's budget, footer included.
func (t *Turn) pages() ([]string, error) {
	body, err := t.body()
	if err != nil {
		return nil, err
	}
	footer, err := t.footer()
	if err != nil {
		return nil, err
	}
	whole := join(body, footer)
	if t.dial.Budget.Fits(whole) || t.kind().Secret() || t.kind() == Result {
		return []string{whole}, nil
	}
	more, _, err := t.e.o.Packs.fill(t.s.Language, "key.more", t.value)
	if err != nil {
		return nil, err
	}
	return paged(body, join(more, footer), t.dial.Budget), nil
}

// paged spreads a body's lines over pages that each end with the footer; a line is never split.
func paged(body, footer string, budget gsm7.Budget) []string {
	var pages []string
	page := ""
	for line := range strings.SplitSeq(body, "\n") {
		longer := join(page, line)
		if page != "" && !budget.Fits(join(longer, footer)) {
			pages = append(pages, join(page, footer))
			longer = line
		}
		page = longer
	}
	return append(pages, join(page, footer))
}

func (t *Turn) morePages() bool {
	pages, err := t.pages()
	return err == nil && len(pages) > 1
}

// body is the note, if any, and the screen's own words.
func (t *Turn) body() (string, error) {
	var words string
	var err error
	if t.s.Flow == "" {
		words, err = t.menuBody(t.e.menus[t.s.Screen])
	} else {
		words, err = t.text(t.e.flows[t.s.Flow].flow.Screens[t.s.Screen].Text)
	}
	if err != nil || t.note == "" {
		return words, err
	}
	note, err := t.text(t.note)
	return join(note, words), err
}

// menuBody is the waiting line on a home, the title, and an option a line.
func (t *Turn) menuBody(menu Menu) (string, error) {
	title, err := t.text(menu.Text)
	if err != nil {
		return "", err
	}
	lines := []string{title}
	if t.atHome() && t.Value(myLine) != "" {
		lines = append([]string{t.Value(myLine)}, lines...)
	}
	for _, option := range menu.Options {
		label, err := t.text("option." + option.To)
		if err != nil {
			return "", err
		}
		lines = append(lines, option.Digit+" "+label)
	}
	return strings.Join(lines, "\n"), nil
}

// footer prints Back and Home on everything but a home and a result.
func (t *Turn) footer() (string, error) {
	if t.atHome() || t.kind() == Result {
		return "", nil
	}
	back, err := t.text("key.back")
	if err != nil {
		return "", err
	}
	home, err := t.text("key.home")
	return join(back, home), err
}

func (t *Turn) text(key string) (string, error) {
	text, missing, err := t.e.o.Packs.fill(t.s.Language, key, t.value)
	return text, errors.Join(err, lacks(key, missing))
}

// join puts two texts under each other; an empty one leaves no line.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}
