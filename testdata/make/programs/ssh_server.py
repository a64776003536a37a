"""An SSH server that lets anyone run one command: ssh_server.py PORT"""
import asyncio
import sys

import asyncssh


class Open(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


async def main():
    await asyncssh.create_server(Open, "127.0.0.1", int(sys.argv[1]),
                                 server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
                                 process_factory=lambda process: (process.stdout.write("ok\n"), process.exit(0)))
    await asyncio.Event().wait()


asyncio.run(main())
