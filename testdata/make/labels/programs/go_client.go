// HTTPS with Go's standard library, each time on a new connection: go_client MODE URL TIMES [cache]
//
// MODE is http2, http1 (what net/http does with a TLS configuration of the caller's own) or tls. Without a cache, as by default,
// no session is taken up again.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

func main() {
	mode, address := os.Args[1], os.Args[2]
	times, _ := strconv.Atoi(os.Args[3])
	where, err := url.Parse(address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var cache tls.ClientSessionCache
	if len(os.Args) > 4 {
		cache = tls.NewLRUClientSessionCache(8)
	}
	for range make([]struct{}, times) {
		if mode == "tls" {
			connection, err := tls.Dial("tcp", where.Host+":443", &tls.Config{ClientSessionCache: cache})
			if err == nil {
				fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", where.Host)
				io.Copy(io.Discard, connection)
				connection.Close()
			}
			continue
		}
		transport := &http.Transport{ForceAttemptHTTP2: mode == "http2", DisableKeepAlives: mode == "http1",
			TLSClientConfig: &tls.Config{ClientSessionCache: cache}}
		answer, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(address)
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		transport.CloseIdleConnections()
	}
}
