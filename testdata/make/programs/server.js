// A small HTTP/2 and HTTP/1.1 server on Node's http2: server.js PORT CHAIN KEY
const http2 = require('http2')
const fs = require('fs')
const [port, chain, key] = process.argv.slice(2)
http2.createSecureServer({ cert: fs.readFileSync(chain), key: fs.readFileSync(key), allowHTTP1: true },
  (request, answer) => answer.end('ok\n')).listen(Number(port), '127.0.0.1')
