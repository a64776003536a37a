//go:debug tlsmlkem=1

// TLS with encrypted ClientHello, ML-KEM and SCTs on Go's crypto/tls:
//
//	ech serve PORT CHAIN KEY [ech=FILE] [other=FILE] [groups=N,N] [max12] [scts=N]
//	ech get PORT ROOT NAME [config=FILE] [groups=N,N] [max12]
//
// serve writes the ECHConfigList of its key to the file of ech=, and that of a key that it does not have to other=.
package main

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const publicName = "front.site.test"

func main() {
	config, options := &tls.Config{}, map[string]string{}
	for _, option := range os.Args[5:] {
		name, value, _ := strings.Cut(option, "=")
		options[name] = value
	}
	for _, group := range strings.Split(options["groups"], ",") {
		if number, err := strconv.Atoi(group); err == nil {
			config.CurvePreferences = append(config.CurvePreferences, tls.CurveID(number))
		}
	}
	if _, old := options["max12"]; old {
		config.MaxVersion = tls.VersionTLS12
	}
	if os.Args[1] == "serve" {
		serve(config, options)
	} else {
		get(config, options)
	}
}

func serve(config *tls.Config, options map[string]string) {
	certificate, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
	check(err)
	if count, err := strconv.Atoi(options["scts"]); err == nil {
		for n := 0; n < count; n++ {
			certificate.SignedCertificateTimestamps = append(certificate.SignedCertificateTimestamps, sct(certificate.Certificate[0]))
		}
	}
	config.Certificates = []tls.Certificate{certificate}
	if file := options["ech"]; file != "" {
		key, list := newConfig(7)
		config.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: list[2:], PrivateKey: key, SendAsRetry: true}}
		check(os.WriteFile(file, list, 0o600))
	}
	if file := options["other"]; file != "" {
		_, list := newConfig(9)
		check(os.WriteFile(file, list, 0o600))
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:"+os.Args[2], config)
	check(err)
	for {
		conn, err := listener.Accept()
		check(err)
		go func() {
			defer conn.Close()
			buffer := make([]byte, 100)
			if _, err := conn.Read(buffer); err == nil {
				state := conn.(*tls.Conn).ConnectionState()
				fmt.Fprintf(conn, "ech accepted: %v, name %s\n", state.ECHAccepted, state.ServerName)
			}
		}()
	}
}

func get(config *tls.Config, options map[string]string) {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(os.Args[3])
	check(err)
	roots.AppendCertsFromPEM(pem)
	config.RootCAs, config.ServerName = roots, os.Args[4]
	if file := options["config"]; file != "" {
		config.EncryptedClientHelloConfigList, err = os.ReadFile(file)
		check(err)
	}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[2], config)
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	fmt.Fprint(conn, "GET\n")
	answer, _ := io.ReadAll(conn)
	fmt.Printf("%s", answer)
}

// newConfig makes a key and the ECHConfigList (RFC 9849, section 4) of it: X25519, HKDF-SHA256, AES-128-GCM.
func newConfig(id byte) ([]byte, []byte) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(err)
	contents := append([]byte{id, 0, 0x20}, vector(key.PublicKey().Bytes())...)
	contents = append(contents, vector([]byte{0, 1, 0, 1})...)
	contents = append(contents, 64, byte(len(publicName)))
	contents = append(append(contents, publicName...), 0, 0)
	return key.Bytes(), vector(append([]byte{0xfe, 0x0d}, vector(contents)...))
}

// sct signs a certificate as a log of its own would (RFC 6962, section 3.2).
func sct(der []byte) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	check(err)
	log := sha256.Sum256(public)
	now := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
	length := len(der)
	signed := append(append([]byte{0, 0}, now...), 0, 0, byte(length>>16), byte(length>>8), byte(length))
	signed = append(append(signed, der...), 0, 0)
	hash := sha256.Sum256(signed)
	signature, err := key.Sign(rand.Reader, hash[:], crypto.SHA256)
	check(err)
	out := append(append([]byte{0}, log[:]...), now...)
	return append(append(out, 0, 0, 4, 3), vector(signature)...)
}

func vector(bytes []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(bytes))), bytes...)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
