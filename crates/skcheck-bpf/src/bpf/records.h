/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What the programs and their reader exchange: records in ring buffers, values of maps, and what the numbers in
 * them stand for. src/wire reads all of it, field by field under the same names.
 */
#ifndef SKCHECK_RECORDS_H
#define SKCHECK_RECORDS_H

#include <linux/types.h>

/* Bytes that no field has would be whatever was there before. */
#pragma clang diagnostic push
#pragma clang diagnostic error "-Wpadded"

/* Which of the numbers are known. */
enum told {
	RECEIVED = 1 << 0, ACKED = 1 << 1, HELD_UP = 1 << 2, NOT_SENT = 1 << 3, OOO_PACKETS = 1 << 4,
	OOO_SPAN = 1 << 5, LAST_RECEIVED = 1 << 6, LAST_SENT = 1 << 7, WINDOW = 1 << 8, RETRANSMITS = 1 << 9,
	BACKOFF = 1 << 10, PROBES = 1 << 11, PENDING = 1 << 12, OWN_WINDOW = 1 << 13,
};

/* What is told of a TCP socket. */
struct tcp_told {
	__u64 received, acked;
	__u64 held_up; /* microseconds */
	__u32 told;
	__u32 not_sent, ooo_packets, ooo_span;
	__u32 last_received, last_sent; /* milliseconds ago */
	__u32 window, retransmits, backoff, probes, pending, own_window;
};
_Static_assert(sizeof(struct tcp_told) == 72, "struct tcp_told");

/* find.c: what is asked for. */
enum want {
	WANT_TCP = 1, WANT_UDP = 2, WANT_UNIX = 4, WANT_INET = 8, WANT_INET6 = 16, WANT_IDLE = 32, WANT_PING = 64,
};

struct question {
	__u64 families;
	__u64 min_recvq, min_sendq;
	__u64 pid; /* 0: every process */
};
_Static_assert(sizeof(struct question) == 32, "struct question");

enum found_kind { SOCKET = 1, NAMESPACE_FILE = 2, HOLDER = 3 };

enum found_flag { BOUND = 1, NAMED = 2, CUT_SHORT = 4, IN_FLIGHT = 8, BOUND_LISTED = 16 };

/* Which numbers are known. */
enum known {
	RMEM_ALLOC = 1 << 0, RCVBUF = 1 << 1, WMEM_ALLOC = 1 << 2, SNDBUF = 1 << 3, FWD_ALLOC = 1 << 4,
	WMEM_QUEUED = 1 << 5, OPTMEM = 1 << 6, BACKLOG_LENGTH = 1 << 7, DROPS = 1 << 8, SHUTDOWN = 1 << 9,
	UID = 1 << 10, LOCAL = 1 << 11, PEER = 1 << 12,
};

/* A socket, or a descriptor: then only what names it is set, and for a holder inode and flags. */
struct found {
	__u32 kind, pid, tid, fd, netns;
	__u32 name_length;
	__u64 inode, peer_inode, cookie, cgroup, payload, truesize;
	__u32 family, socket_type, protocol, state, flags, shutdown, uid, interface;
	__u32 recv_q, send_q, known, packets;
	__u32 rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops;
	__u16 local_port, peer_port; /* as on the wire */
	__u8 local[16], peer[16];
	struct tcp_told tcp;
	char name[128];
};
_Static_assert(sizeof(struct found) == 392, "struct found");

struct tally {
	__u64 pass;       /* of which pass it is: one of an earlier pass is none */
	__u64 sockets;    /* each once, of every family */
	__s64 tcp_memory; /* what TCP sockets that the tables know account for */
};
_Static_assert(sizeof(struct tally) == 24, "struct tally");

/* How many descriptors refer to sockets, and how many sockets did not fit into the maps that count them. */
struct counts {
	__u64 descriptors, uncounted;
	__u64 pass; /* the number of this pass */
	__u64 new_shared; /* how many entries it has added to the map of shared sockets */
	__u64 netns; /* the namespace of the last sockets, and their sums: not in its tally yet */
	struct tally sum;
};
_Static_assert(sizeof(struct counts) == 64, "struct counts");

/* Filled up with NULs. */
struct protocol_name { char text[32]; };
_Static_assert(sizeof(struct protocol_name) == 32, "struct protocol_name");

/* walk.c: how far a walk goes. */
struct limits {
	__u64 packets;  /* how many of a socket are walked at most */
	__u64 deadline; /* no socket is begun after this time of the monotonic clock, in nanoseconds; 0: no limit */
	__u64 room;     /* how many bytes may wait in the ring buffer before the next socket is begun */
	__u64 full;     /* and before another packet; above it there is room for what ends queues and a socket */
	__u64 by_inode; /* whether any socket is named by its inode */
};
_Static_assert(sizeof(struct limits) == 40, "struct limits");

/* What is set in the key of a socket that is named by its inode, and not by its cookie. */
#define BY_INODE (1ULL << 63)

/* A socket to walk: its number, and how often it was begun. */
struct target { __u32 slot, attempts; };
_Static_assert(sizeof(struct target) == 8, "struct target");

enum table { TCP_TABLE = 1, UDP_TABLE = 2, UNIX_TABLE = 4, PACKET_TABLE = 8 };

/* Where the walk of the tables is. `wanted` is set, and all else is nought, before it begins; what was found among
 * the descriptors stays. */
struct tables {
	__u64 wanted;           /* bits of `enum table` */
	__u64 first, netns;     /* the first namespace, and the one that it is at */
	__u64 next_table;       /* bit of the table that comes next */
	__u64 chains, chain, count, attempts;
	__u64 size, nulls;      /* of one chain's head; whether a chain ends with its number */
	__u64 begun, node, length; /* of the chain that it is at: the next socket, and how many there were */
	__u64 again;            /* a socket has to be walked again, or there is no room now */
	__u64 done, namespaces;
	__u64 tcp_of_all, udp_of_all, tries; /* found among the descriptors */
};
_Static_assert(sizeof(struct tables) == 152, "struct tables");

enum walk_kind { PACKET = 1, QUEUE_END = 2, ANEW = 3, SOCKET_END = 4 };

enum list { RECEIVE = 0, OUT_OF_ORDER = 1, BACKLOG = 2, ERROR = 3, WRITE = 4, RETRANSMIT = 5 };

enum walk_flag {
	PART = 1,     /* PACKET: of the packet before it (frag_list); lengths are counted there */
	COMPLETE = 2, /* QUEUE_END: the walk came to the end */
	STEADY = 4,   /* QUEUE_END: the walk has proved itself */
	NO_ROOM = 8,  /* QUEUE_END: the ring buffer was full */
	IN_OPTIONS = 64, /* PACKET: charged to option memory (sk_omem_alloc): a note of MSG_ZEROCOPY */
};

enum page_kind {
	STACK = 0,    /* the network stack's own, or a driver's */
	FILE_PAGE = 1,
	REMOVED = 2,  /* once a file's: on an LRU list, and of no file */
	ANONYMOUS = 3,
	DEVICE = 4,   /* no page at all (net_iov) */
	UNKNOWN = 5,  /* the kernel's structures are not understood */
	LARGE = 6,    /* pages of its own, since it is too large for a slab (kmalloc) */
	SLAB = 7,     /* in a slab */
};

struct piece {
	__u64 page; /* address of the block's first struct page */
	__u32 offset, length;
	__u32 order, kind;
};
_Static_assert(sizeof(struct piece) == 24, "struct piece");

/* A packet; as many pieces follow as it has fragments. */
struct packet {
	__u32 kind, slot;
	__u32 queue, flags;
	__u32 fragments, length;
	__u32 truesize, unused;
	__u64 packet, stamp, head;
	struct piece head_piece;
};
_Static_assert(sizeof(struct packet) == 80, "struct packet");

/* How the walk of a list ended. */
struct queue_end { __u32 kind, slot, queue, flags; };
_Static_assert(sizeof(struct queue_end) == 16, "struct queue_end");

/* What was told of the socket is to be forgotten: it is walked anew. */
struct anew { __u32 kind, slot; };
_Static_assert(sizeof(struct anew) == 8, "struct anew");

enum ring_flag { RING_TOLD = 1, BY_BLOCK = 2, FROZEN = 4, DROPS_TOLD = 8 };

/* The receive ring of a packet socket. */
struct ring_told {
	__u64 oldest, stamp; /* of the oldest block or frame that the program has: its address, and its number or time */
	__u64 packets;       /* in all that the program has */
	__u32 flags, units, full, drops;
};
_Static_assert(sizeof(struct ring_told) == 40, "struct ring_told");

struct socket_end {
	__u32 kind, slot;
	__u32 recv_q, send_q;
	__u32 rmem_alloc, wmem_queued, backlog, forward_deficit;
	__u32 errors;    /* packets in the error queue */
	__u32 unchanged; /* the receiving side was the same before and after */
	struct tcp_told tcp;
	struct ring_told ring;
};
_Static_assert(sizeof(struct socket_end) == 152, "struct socket_end");

#pragma clang diagnostic pop

/* An object's BTF has the types of its variables, and through this one all of these: src/wire is compared with it. */
union exchanged {
	struct found found;
	struct tcp_told tcp_told;
	struct question question;
	struct counts counts;
	struct protocol_name protocol_name;
	struct limits limits;
	struct target target;
	struct tables tables;
	struct packet packet;
	struct queue_end queue_end;
	struct anew anew;
	struct socket_end socket_end;
	enum told told;
	enum want want;
	enum found_kind found_kind;
	enum found_flag found_flag;
	enum known known;
	enum table table;
	enum walk_kind walk_kind;
	enum list list;
	enum walk_flag walk_flag;
	enum page_kind page_kind;
	enum ring_flag ring_flag;
};
const union exchanged *const exchanged = 0;

#endif
