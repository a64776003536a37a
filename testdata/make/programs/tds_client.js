// A login by the tedious driver: node tds_client.js PORT ROOT (NODE_PATH holds the driver)
const { readFileSync } = require("node:fs");
const { Connection } = require("tedious");

const connection = new Connection({
  server: "127.0.0.1",
  authentication: { type: "default", options: { userName: "user", password: "password" } },
  options: {
    port: Number(process.argv[2]), encrypt: true, trustServerCertificate: false, connectTimeout: 3000,
    serverName: "www.site.test", cryptoCredentialsDetails: { ca: readFileSync(process.argv[3]) },
  },
});
connection.on("connect", (error) => { console.log(String(error)); connection.close(); });
connection.connect();
