package lab

import (
	"log"
	"os"
	"syscall"
)

// Restart replaces the process with a fresh one of the same program on the same address, as a crash and a supervisor
// do. The arguments given are appended to those the program was started with, so they win over them.
func Restart(args ...string) {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	all := append(append([]string{}, os.Args...), "-listen", address)
	log.Fatal(syscall.Exec(self, append(all, args...), os.Environ()))
}
