import { limits as protocol } from '../../wire/limits.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { size, whole, withDefaults } from './kinds.ts';
import { formatSize } from './units.ts';

/** None may be above what the protocol itself allows; a limit without a line here does not compile. */
export const limitKeys = withDefaults<Limits>(defaultLimits, {
  connections: whole(1, 1_000_000, 'WebSockets at once'),
  subscriptionsPerConnection: whole(1, 1_000_000, 'subscriptions of one connection'),
  streams: whole(1, 10_000_000, 'streams that the daemon knows'),
  streamsPerConnection: whole(1, 1_000_000, 'streams that one connection feeds at once'),
  channels: whole(1, protocol.channels, 'channels of a stream'),
  rows: whole(1, protocol.rows, 'rows of a frame'),
  messageBytes: size('1KiB', formatSize(protocol.message), 'one incoming message, or the body of a request'),
  controlBytes: size('1KiB', formatSize(protocol.control), 'one incoming message that is not `samples`'),
  jsonDepth: whole(5, protocol.depth, 'nesting of objects and arrays in a message'),
  messagesPerSecond: whole(1, 10_000_000, 'messages that are read from one socket each second'),
  controlPerSecond: whole(1, 10_000_000, 'the same for messages that are not `samples`'),
  rateGraceMs: whole(0, 3_600_000, 'how long a client may go on sending faster than it is read'),
  authTimeoutMs: whole(100, 600_000, 'how long a connection may stay without a valid token'),
  windowBytes: size(
    '64KiB',
    '1GiB',
    'samples that one connection may have unacknowledged before it is not read',
  ),
  outboundBytes: size('64KiB', '1GiB', 'data that may wait to be sent to one client'),
  historiesAtOnce: whole(1, 100_000, 'requests for history that are answered at once'),
  uploadsAtOnce: whole(1, 100_000, 'requests with samples that are answered at once'),
  controlBacklogBytes: size('64KiB', '1GiB', 'control messages that may wait to be sent to one client'),
});
