"""Hears every frame of a link until standard input ends, and says then what it was: how many were WireGuard's, how many VXLAN, and how many held a word in clear text."""
import json
import select
import socket
import struct
import sys

ETH_P_ALL, SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 3, 263, 1, 1
link, word = sys.argv[1], sys.argv[2].encode()
ports = {int(sys.argv[3]): 'wireguard', int(sys.argv[4]): 'vxlan'}

ears = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
ears.bind((link, ETH_P_ALL))
ears.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack('IHH8s', socket.if_nametoindex(link), PACKET_MR_PROMISC, 0, b''))
heard = {'wireguard': 0, 'vxlan': 0, 'clear': 0}
print('listening', flush=True)
while True:
    ready = select.select([ears, sys.stdin], [], [])[0]
    if ears in ready:
        frame = ears.recv(65535)
        udp = frame[54:58] if frame[12:14] == b'\x86\xdd' and frame[20] == 17 else frame[34:38] if frame[12:14] == b'\x08\x00' and frame[23] == 17 else b''
        name = ports.get(struct.unpack('!H', udp[2:4])[0]) if udp else None
        if name:
            heard[name] += 1
        heard['clear'] += word in frame
    elif sys.stdin in ready:
        break
print(json.dumps(heard), flush=True)
