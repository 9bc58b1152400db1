package sessions

// record is a session as it is sealed: with what the store itself must remember.
type record struct {
	session *Session
	// callerKey is the version of the key that made session.Caller.
	callerKey int
	// saves counts the writes of this record, so that of two versions the older can
	// be told after a fail-over.
	saves int
}

// encode writes a session's record.
func (c record) encode(f *fields) {
	s := c.session
	f.id(tagDialogue, s.Dialogue)
	f.bytes(tagCaller, s.Caller[:])
	f.number(tagCallerKey, int64(c.callerKey))
	f.number(tagSaves, int64(c.saves))
	f.time(tagBegan, s.Began)
	f.text(tagRoot, s.Root)
	f.text(tagFlow, s.Flow)
	f.text(tagScreen, s.Screen)
	f.list(tagStack, s.Stack)
	f.values(tagValue, s.Values)
	for _, tag := range counters {
		f.number(tag, int64(*s.counter(tag)))
	}
	f.text(tagLanguage, s.Language)
	f.text(tagMenu, s.Menu)
	f.text(tagReply, s.Reply.Text)
	f.flag(tagReplyEnd, s.Reply.End)
	f.flag(tagEnded, s.Ended)
	f.bytes(tagInputMAC, s.InputMAC)
	f.time(tagAnsweredAt, s.AnsweredAt)
	f.bytes(tagOpening, s.Opening)
}

// decodeSession is encode's inverse.
func decodeSession(plain []byte) (record, error) {
	c := record{session: new(Session)}
	r := open(plain)
	for tag, content, ok := r.next(); ok; tag, content, ok = r.next() {
		switch tag {
		case tagCallerKey:
			c.callerKey = int(r.number(content))
		case tagSaves:
			c.saves = int(r.number(content))
		default:
			c.session.take(tag, content, &r)
		}
	}
	if r.err != nil {
		return record{}, r.err
	}
	return c, nil
}

// counters are the tags of a session's plain numbers.
var counters = [...]byte{tagHop, tagRead, tagSeq, tagTries, tagPage}

func (s *Session) counter(tag byte) *int {
	switch tag {
	case tagHop:
		return &s.Hop
	case tagRead:
		return &s.Read
	case tagSeq:
		return &s.Seq
	case tagTries:
		return &s.Tries
	default:
		return &s.Page
	}
}

// take sets the field that a tag names.
func (s *Session) take(tag byte, content string, r *reader) {
	switch tag {
	case tagDialogue:
		r.fill(s.Dialogue[:], content)
	case tagCaller:
		r.fill(s.Caller[:], content)
	case tagRoot:
		s.Root = content
	case tagFlow:
		s.Flow = content
	case tagScreen:
		s.Screen = content
	case tagStack:
		s.Stack = r.push(s.Stack, content)
	case tagValue:
		s.Values = r.put(s.Values, content)
	case tagHop, tagRead, tagSeq, tagTries, tagPage:
		*s.counter(tag) = int(r.number(content))
	case tagLanguage:
		s.Language = content
	case tagMenu:
		s.Menu = content
	default:
		s.takeAnswer(tag, content, r)
	}
}

// takeAnswer sets what tells of the last answer.
func (s *Session) takeAnswer(tag byte, content string, r *reader) {
	switch tag {
	case tagBegan:
		s.Began = r.time(content)
	case tagReply:
		s.Reply.Text = content
	case tagReplyEnd:
		s.Reply.End = r.number(content) != 0
	case tagEnded:
		s.Ended = r.number(content) != 0
	case tagInputMAC:
		s.InputMAC = append([]byte(nil), content...)
	case tagAnsweredAt:
		s.AnsweredAt = r.time(content)
	case tagOpening:
		s.Opening = append([]byte(nil), content...)
	}
}

// encode writes a resume pointer.
func (p *Resume) encode(f *fields) {
	f.id(tagDialogue, p.Dialogue)
	f.text(tagFlow, p.Flow)
	f.text(tagScreen, p.Screen)
	f.list(tagStack, p.Stack)
	f.values(tagValue, p.Values)
	f.id(tagIntent, p.Intent)
	f.time(tagAt, p.At)
	f.text(tagLanguage, p.Language)
}

// decodeResume is encode's inverse.
func decodeResume(plain []byte) (*Resume, error) {
	p := new(Resume)
	r := open(plain)
	for tag, content, ok := r.next(); ok; tag, content, ok = r.next() {
		switch tag {
		case tagDialogue:
			r.fill(p.Dialogue[:], content)
		case tagFlow:
			p.Flow = content
		case tagScreen:
			p.Screen = content
		case tagStack:
			p.Stack = r.push(p.Stack, content)
		case tagValue:
			p.Values = r.put(p.Values, content)
		case tagIntent:
			r.fill(p.Intent[:], content)
		case tagAt:
			p.At = r.time(content)
		case tagLanguage:
			p.Language = content
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return p, nil
}
