package sessions

import "github.com/redis/go-redis/v9"

// Settings shows what a URL is read as.
var Settings = universal

// Mode tells what kind of Redis a store was opened for.
func (s *Store) Mode() string {
	switch c := s.redis.(type) {
	case *redis.ClusterClient:
		return "cluster"
	case *redis.Client:
		if c.Options().Addr == "FailoverClient" {
			return "sentinel"
		}
		return "node"
	default:
		return "unknown"
	}
}

// DecodeSession and EncodeSession are the record's plain text, for fuzzing.
func DecodeSession(plain []byte) (*Session, error) {
	c, err := decodeSession(plain)
	return c.session, err
}

func EncodeSession(s *Session) []byte { return encoded(record{session: s}) }

func DecodeResume(plain []byte) (*Resume, error) { return decodeResume(plain) }

func EncodeResume(r *Resume) []byte { return encoded(r) }

func encoded(of interface{ encode(f *fields) }) []byte {
	f := fields{format}
	of.encode(&f)
	return f
}
