// The same for releases of Node.js that know no modules: node_old.js URL TIMES
const https = require('https')
const agent = new https.Agent({ keepAlive: false, maxCachedSessions: 9 })
function get (times) {
  if (times === 0) return
  https.get(process.argv[2], { agent }, (answer) => {
    answer.resume()
    answer.on('end', () => setTimeout(get, 50, times - 1))
  }).on('error', () => get(times - 1))
}
get(Number(process.argv[3]))
