// One GET with Node's built-in fetch (undici): fetch.mjs URL; the authority comes from NODE_EXTRA_CA_CERTS
const answer = await fetch(process.argv[2])
console.log(answer.status)
