// One GET with Node's https: client.js URL CA_FILE
const https = require('https')
const fs = require('fs')
https.get(process.argv[2], { ca: fs.readFileSync(process.argv[3]), agent: false }, (answer) => {
  console.log(answer.statusCode, process.versions.node, process.versions.openssl)
  answer.resume()
}).on('error', (err) => { console.log(err.message); process.exit(1) })
