// Goroutines that race through a mutex, a channel and time-outs, with garbage collection, random numbers and the order of a map.
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	start := time.Now()
	time.Sleep(5 * time.Second)
	fmt.Println("slept", time.Since(start))

	var mutex sync.Mutex
	var group sync.WaitGroup
	order := []int{}
	add := func(name int) {
		mutex.Lock()
		order = append(order, name)
		mutex.Unlock()
	}
	channel := make(chan int)
	for name := 0; name < 8; name++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < 20; i++ {
				add(name)
				if i%3 == 0 {
					time.Sleep(time.Duration(rand.Intn(1000)) * time.Microsecond)
				}
				select {
				case channel <- name:
				case other := <-channel:
					add(100 + other)
				case <-time.After(time.Millisecond):
				}
				if i == 10 {
					runtime.GC()
				}
			}
		}()
	}
	group.Wait()
	fmt.Println(order)
	numbers := map[int]bool{}
	for i := 0; i < 10; i++ {
		numbers[i] = true
	}
	for i := range numbers {
		fmt.Print(i, " ")
	}
	fmt.Println()
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		fmt.Println("got", scanner.Text())
	}
}
