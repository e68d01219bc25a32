// The rest, with the program in C as for libbpf.
package main

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go opens opens.bpf.c

import (
	"fmt"
	"log"
	"os"

	"github.com/cilium/ebpf/link"
)

func main() {
	var objects opensObjects
	if err := loadOpensObjects(&objects, nil); err != nil {
		log.Fatal(err)
	}
	defer objects.Close()
	tp, err := link.Tracepoint("syscalls", "sys_enter_openat",
		objects.Count, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tp.Close()
	for i := 0; i < 3; i++ {
		file, _ := os.Open("/dev/null")
		file.Close()
	}
	var count uint64
	if err := objects.COUNTS.Lookup(uint32(os.Getpid()), &count); err != nil {
		log.Fatal(err)
	}
	fmt.Println(count, "files opened")
}
