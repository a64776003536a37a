"""Two WebRTC peers in one process, with a data channel between them: STUN, DTLS and SCTP on the same ports."""
import asyncio

from aiortc import RTCPeerConnection


async def main():
    one, two = RTCPeerConnection(), RTCPeerConnection()
    answered = asyncio.get_running_loop().create_future()
    channel = one.createDataChannel("chat")
    channel.on("open", lambda: channel.send("hello"))
    channel.on("message", answered.set_result)
    two.on("datachannel", lambda other: other.on("message", other.send))
    await one.setLocalDescription(await one.createOffer())
    await two.setRemoteDescription(one.localDescription)
    await two.setLocalDescription(await two.createAnswer())
    await one.setRemoteDescription(two.localDescription)
    print(await asyncio.wait_for(answered, 10))
    await one.close()
    await two.close()


asyncio.run(main())
