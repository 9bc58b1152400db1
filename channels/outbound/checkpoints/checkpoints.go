// Package checkpoints keeps the ledger's checkpoints in a folder: a file for each day (UTC) and process, a line for each
// checkpoint, written through to the disk.
//
// It knows nothing of what a line says. Its one rule: a line that was written is never touched again. The folder belongs
// on another machine than the database, or is copied there: what it is good for is that whoever can change the one cannot
// change the other.
package checkpoints

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"nova/core/clock"
)

const (
	suffix = ".jsonl"
	// maxLine bounds a line: a checkpoint of all 64 lanes takes 7 kB.
	maxLine = 64 << 10
)

// Log is a folder of checkpoints. One goroutine appends; any number may read.
type Log struct {
	dir, node, process string
	day                clock.Day
	file               *os.File
}

// Open makes the folder where it is not there. Each Log that appends writes files of its own.
func Open(dir, node string) (*Log, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	name := strings.Map(func(r rune) rune {
		if r == filepath.Separator || r == os.PathListSeparator {
			return '_'
		}
		return r
	}, node)
	return &Log{dir: dir, node: name, process: name + "-" + uuid.NewString()[:8]}, nil
}

// Append adds a line to this process's file of a day, and returns when it is on disk.
func (l *Log) Append(day clock.Day, line []byte) error {
	if l.file == nil || l.day != day {
		if err := l.turn(day); err != nil {
			return err
		}
	}
	_, err := l.file.Write(append(slices.Clip(line), '\n'))
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("append checkpoint: %w", errors.Join(err, l.leave()))
	}
	return nil
}

// leave gives up a file whose last line may be cut off, or not on disk: the next one begins another.
func (l *Log) leave() error {
	l.process = l.node + "-" + uuid.NewString()[:8]
	return l.Close()
}

// turn begins the file of a day.
func (l *Log) turn(day clock.Day) error {
	if err := l.Close(); err != nil {
		return err
	}
	path := filepath.Join(l.dir, string(day)+"-"+l.process+suffix)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // the folder is configured
	if err != nil {
		return fmt.Errorf("open checkpoints of %s: %w", day, err)
	}
	l.file, l.day = file, day
	return nil
}

// Close ends the file; what was appended is on disk already.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return fmt.Errorf("close checkpoints: %w", err)
	}
	return nil
}

// Each gives the lines of all days since one, file by file in the order of their names, and marks each file's first. A
// last line without its end is one that a crash cut off, and is left out. It ends with the first error that fn returns.
func (l *Log) Each(since clock.Day, fn func(line []byte, first bool) error) error {
	paths, err := filepath.Glob(filepath.Join(l.dir, "*"+suffix))
	if err != nil {
		return fmt.Errorf("list checkpoints: %w", err)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if filepath.Base(path) < string(since) {
			continue
		}
		if err := eachLine(path, fn); err != nil {
			return err
		}
	}
	return nil
}

func eachLine(path string, fn func(line []byte, first bool) error) error {
	file, err := os.Open(path) //nolint:gosec // a file of the configured folder
	if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	reader := bufio.NewReaderSize(file, maxLine)
	for first := true; ; first = false {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read checkpoints of %s: %w", filepath.Base(path), err)
		}
		if err := fn(line[:len(line)-1], first); err != nil {
			return err
		}
	}
}
