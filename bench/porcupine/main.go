// Decides histories with Porcupine: reads them from stdin, one JSON object a line, and answers each with the verdict and
// the time that it took, without reading and pairing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// History is a list of operations on objects of this model: "register", "texts", "queue" or "set".
type History struct {
	Model string
	// How long it may take, in seconds.
	Limit float64
	Calls []Call
}

// Call is one operation. It has no end if its outcome is unknown.
type Call struct {
	Begin int64
	End   *int64
	F     string
	Key   int
	// What is seen or expected, and what is written or appended.
	Seen, Written string
}

type answer struct {
	Verdict string  `json:"verdict"`
	Seconds float64 `json:"seconds"`
}

var register = porcupine.Model{
	Init: func() interface{} { return "" },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		call := input.(Call)
		switch call.F {
		case "read":
			return state == call.Seen, state
		case "write":
			return true, call.Written
		default:
			// Every operation has to have its place, so one that may never have happened changes nothing there.
			if call.End == nil && state != call.Seen {
				return true, state
			}
			return state == call.Seen, call.Written
		}
	},
}

// Texts, each key judged by itself.
var texts = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, operation := range history {
			key := operation.Input.(Call).Key
			byKey[key] = append(byKey[key], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() interface{} { return "" },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		call := input.(Call)
		switch call.F {
		case "append":
			return true, state.(string) + call.Written
		case "put":
			return true, call.Written
		}
		return state == call.Seen, state
	},
}

// A queue of numbers, as text, so that Go compares it by value.
var queue = porcupine.Model{
	Init: func() interface{} { return "" },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		call, items := input.(Call), state.(string)
		if call.F == "enqueue" {
			return true, items + call.Written + ","
		}
		if call.Seen == "" {
			return items == "", items
		}
		rest, found := strings.CutPrefix(items, call.Seen+",")
		return found, rest
	},
}

// A set of numbers, as text, sorted.
var set = porcupine.Model{
	Init: func() interface{} { return "" },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		call, elements := input.(Call), state.(string)
		if call.F == "read" {
			return elements == sorted(call.Seen), elements
		}
		return true, sorted(elements + " " + call.Written)
	},
}

func sorted(elements string) string {
	fields := strings.Fields(strings.Trim(elements, "[]"))
	sort.Strings(fields)
	return strings.Join(fields, " ")
}

func decide(history History) answer {
	models := map[string]porcupine.Model{"register": register, "texts": texts, "queue": queue, "set": set}
	model := models[history.Model]
	operations := make([]porcupine.Operation, len(history.Calls))
	for place, call := range history.Calls {
		end := int64(math.MaxInt64)
		if call.End != nil {
			end = *call.End
		}
		operations[place] = porcupine.Operation{Input: call, Call: call.Begin, Return: end}
	}
	runtime.GC()
	limit := time.Duration(history.Limit * float64(time.Second))
	begin := time.Now()
	result := porcupine.CheckOperationsTimeout(model, operations, limit)
	seconds := time.Since(begin).Seconds()
	verdicts := map[porcupine.CheckResult]string{
		porcupine.Ok: "valid", porcupine.Illegal: "invalid", porcupine.Unknown: "unknown",
	}
	return answer{Verdict: verdicts[result], Seconds: seconds}
}

func main() {
	// As many threads as the checker that it is compared with.
	runtime.GOMAXPROCS(1)
	reader := bufio.NewReaderSize(os.Stdin, 1<<20)
	decoder, encoder := json.NewDecoder(reader), json.NewEncoder(os.Stdout)
	for decoder.More() {
		var history History
		if err := decoder.Decode(&history); err != nil {
			fmt.Fprintln(os.Stderr, "a history cannot be read:", err)
			os.Exit(1)
		}
		if err := encoder.Encode(decide(history)); err != nil {
			fmt.Fprintln(os.Stderr, "an answer cannot be written:", err)
			os.Exit(1)
		}
	}
}
