package sql

// Queued counts the keys that wait for the next read.
func Queued[K comparable, V any](l *Loader[K, V]) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// ParseQueries reads the text of a queries file.
var ParseQueries = parseQueries
