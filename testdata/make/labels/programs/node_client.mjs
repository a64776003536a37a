// HTTPS with a library of Node.js (or Bun, Deno), each time on a new connection: node_client.mjs LIBRARY URL TIMES [PROFILE]
// A private authority comes from NODE_EXTRA_CA_CERTS; npm packages from NODE_MODULES, a folder.
const [library, url, times, profile] = process.argv.slice(2)
const { createRequire } = await import('node:module')
const require = createRequire(`${process.env.NODE_MODULES || process.cwd()}/x.js`)
const host = new URL(url).hostname
const once = {
  https: () => new Promise((done) => {
    const https = require('node:https')
    once.agent = once.agent || new https.Agent({ keepAlive: false, maxCachedSessions: 9 })
    https.get(url, { agent: once.agent }, (answer) => {
      answer.resume()
      answer.on('end', done)
    }).on('error', done)
  }),
  http2: () => new Promise((done) => {
    const session = require('node:http2').connect(url)
    session.on('error', done)
    const stream = session.request({ ':path': '/' })
    stream.on('error', done)
    stream.resume()
    stream.on('end', () => session.close(done))
    stream.end()
  }),
  tls: () => new Promise((done) => {
    const socket = require('node:tls').connect({ host, port: 443, servername: /\d$/.test(host) ? '' : host, session: once.session })
    socket.on('session', (session) => { once.session = session; socket.end() })
    socket.on('error', done)
    socket.on('close', done)
    setTimeout(() => socket.end(), 500)
  }),
  fetch: async () => { await (await fetch(url, { headers: { connection: 'close' } })).text() },
  axios: () => require('axios').get(url),
  got: async () => (await import(require.resolve('got'))).default(url, { retry: { limit: 0 }, http2: profile === 'http2' }),
  undici: async () => {
    const { Agent, request } = require('undici')
    const dispatcher = new Agent({ allowH2: profile === 'http2' })
    await (await request(url, { dispatcher })).body.text()
    await dispatcher.close()
  },
  'node-fetch': async () => (await import(require.resolve('node-fetch'))).default(url).then((answer) => answer.text()),
  superagent: () => require('superagent').get(url),
  needle: () => require('needle')('get', url),
  ws: () => new Promise((done) => {
    const socket = new (require('ws'))(url.replace('https', 'wss'))
    socket.on('error', done)
    socket.on('close', done)
  }),
  impit: async () => {
    const { Impit } = require('impit')
    await (await new Impit({ browser: profile, ignoreTlsErrors: true }).fetch(url)).text()
  },
  cycletls: async () => {
    const start = require('cycletls').default || require('cycletls')
    const client = await start()
    await client(url, { insecureSkipVerify: true, timeout: 5, ...(profile ? { userAgent: profile } : {}) }, 'get').catch(() => {})
    await client.exit()
  },
}
for (let time = 0; time < Number(times); time++) {
  try { await once[library]() } catch (error) { console.error(error.message) }
}
process.exit(0)
