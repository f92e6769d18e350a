/**
 * HTTP/1.1 and HTTP/2 without TLS on one port. A client of the latter begins with a preface (RFC 9113, 3.4) that is no
 * request of the former; Bedrock's JavaScript client speaks nothing else.
 */
import type { Server as Http1Server } from 'node:http';
import type { Http2Server, ServerHttp2Session } from 'node:http2';
import { createServer, type Server as TcpServer, type Socket } from 'node:net';

export interface TwoProtocols {
  /** Listens for both. */
  front: TcpServer;
  /** Lets the calls of HTTP/2 end, then closes their connections. */
  closeSessions: () => void;
}

const PREFACE_BEGINS = 'PRI';

export function twoProtocols(http1: Http1Server, http2: Http2Server): TwoProtocols {
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  http2.on('connection', (socket: Socket) => {
    // The session is over and all has left; a client that does not read would never close its side.
    socket.once('finish', () => socket.destroySoon());
  });
  const front = createServer((socket: Socket) => {
    const onEarlyError = (): void => void socket.destroy();
    socket.on('error', onEarlyError);
    socket.once('readable', () => {
      const begun = socket.read() as Buffer | null;
      socket.off('error', onEarlyError);
      if (begun === null) {
        socket.destroy(); // it left without a word
        return;
      }
      socket.unshift(begun);
      const isHttp2 = begun.toString('latin1', 0, PREFACE_BEGINS.length) === PREFACE_BEGINS;
      (isHttp2 ? http2 : http1).emit('connection', socket);
    });
  });
  // Its limits of time on requests begin with this.
  front.once('listening', () => http1.emit('listening'));
  front.once('close', () => http1.close());
  return {
    front,
    closeSessions: () => {
      for (const session of sessions) session.close();
    },
  };
}
