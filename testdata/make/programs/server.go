// A small HTTPS server on Go's crypto/tls: server PORT CHAIN KEY
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
	fmt.Println(http.ListenAndServeTLS("127.0.0.1:"+os.Args[1], os.Args[2], os.Args[3], http.HandlerFunc(answer)))
}
