/** A bare relay: every message goes to every other connection, as it came. Prints its address. */
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    for (const other of server.clients) if (other !== socket) other.send(data, { binary: isBinary });
  });
});
server.on('listening', () => console.log(`{"listening":"ws://127.0.0.1:${server.address().port}/"}`));
