package main

import (
	"os"
	"runtime/debug"
)

// heapGrowth is how far the heap may grow between two collections, in percent of what lives. A server keeps some 10 MB
// and every hop throws away a hundredth of a percent of that, so that Go's 100 would collect some dozen times a second
// under load, for a tenth of its processor time. With 400 a busy server takes some 60 MB.
const heapGrowth = 400

// growHeap sets how often memory is collected, unless the environment says it in Go's own way (GOGC).
func growHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
