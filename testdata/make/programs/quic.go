// One QUIC stream with quic-go (Debian's, which still knows draft 29):
//
//	quic server PORT CHAIN KEY [hello-retry]
//	quic client PORT NAME CA [draft-29]
//
// hello-retry has a server that takes a group for which the client sends no share.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"github.com/lucas-clemente/quic-go"
)

var versions = []quic.VersionNumber{quic.VersionDraft29, quic.Version1, quic.Version2}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	extra := append(os.Args[5:], "")[0]
	if os.Args[1] == "server" {
		serve("127.0.0.1:"+os.Args[2], os.Args[3], os.Args[4], extra)
	} else {
		ask("127.0.0.1:"+os.Args[2], os.Args[3], os.Args[4], extra)
	}
}

func serve(address, chain, key, extra string) {
	certificate, err := tls.LoadX509KeyPair(chain, key)
	must(err)
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"echo"}}
	if extra == "hello-retry" {
		config.CurvePreferences = []tls.CurveID{tls.CurveP384}
	}
	listener, err := quic.ListenAddr(address, config, &quic.Config{Versions: versions})
	must(err)
	for {
		connection, err := listener.Accept(context.Background())
		must(err)
		go func() {
			if stream, err := connection.AcceptStream(context.Background()); err == nil {
				io.Copy(stream, stream)
				stream.Close()
			}
		}()
	}
}

func ask(address, name, ca, extra string) {
	pem, err := os.ReadFile(ca)
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	offered := []quic.VersionNumber{quic.Version1}
	if extra == "draft-29" {
		offered = []quic.VersionNumber{quic.VersionDraft29}
	}
	config := &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{"echo"}}
	connection, err := quic.DialAddr(address, config, &quic.Config{Versions: offered})
	must(err)
	stream, err := connection.OpenStreamSync(context.Background())
	must(err)
	fmt.Fprint(stream, "hello")
	stream.Close()
	answer, err := io.ReadAll(stream)
	must(err)
	fmt.Println(string(answer))
	connection.CloseWithError(0, "")
}
