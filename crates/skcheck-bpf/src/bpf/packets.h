/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The records that are handed out, the maps of the walk, and how a packet is described.
 */
#ifndef SKCHECK_PACKETS_H
#define SKCHECK_PACKETS_H

#include <stddef.h>
#include "pages.h"
#include "tcp.h"

/* CONFIG_MAX_SKB_FRAGS is at most 45. */
#define FRAGS 45

struct limits {
	__u64 packets;  /* how many of a socket are walked at most */
	__u64 deadline; /* no socket is begun after this time of the monotonic clock, in nanoseconds; 0: no limit */
	__u64 room;     /* how many bytes may wait in the ring buffer before the next socket is begun */
	__u64 full;     /* and before another packet; above it there is room for what ends queues and a socket */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limits);
} limits SEC(".maps");

enum kind { PACKET = 1, QUEUE_END = 2, ANEW = 3, SOCKET_END = 4 };

/* The lists of a socket. The reader's own is a part of the receive queue. */
enum list { RECEIVE = 0, OUT_OF_ORDER = 1, BACKLOG = 2, ERROR = 3, WRITE = 4, RETRANSMIT = 5, READER = 6 };
#define LISTS 7

enum flag {
	PART = 1,     /* PACKET: of the packet before it (frag_list); lengths are counted there */
	COMPLETE = 2, /* QUEUE_END: the walk came to the end */
	STEADY = 4,   /* QUEUE_END: the walk has proved itself */
	NO_ROOM = 8,  /* QUEUE_END: the ring buffer was full */
	IN_OPTIONS = 64, /* PACKET: charged to option memory (sk_omem_alloc): a note of MSG_ZEROCOPY */
	/* Only here: */
	WALKED = 16,  /* there is such a list */
	MOVED = 32,   /* it was seen to change */
};

struct packet {
	__u32 kind, slot;
	__u32 queue, flags;
	__u32 fragments, length;
	__u32 truesize, unused;
	__u64 packet, stamp, head;
	struct piece head_piece;
	struct piece fragment[FRAGS];
};

struct queue_end { __u32 kind, slot, queue, flags, packets, unused; };

/* What was told of the socket is to be forgotten: it is walked anew. */
struct anew { __u32 kind, slot; };

enum ring_flag { RING_TOLD = 1, BY_BLOCK = 2, FROZEN = 4, DROPS_TOLD = 8 };

/* The receive ring of a packet socket. The order is that of `wire.rs`. */
struct ring_told {
	__u64 oldest, stamp; /* of the oldest block or frame that the program has: its address, and its number or time */
	__u64 packets;       /* in all that the program has */
	__u32 flags, units, full, drops;
};

struct socket_end {
	__u32 kind, slot;
	__u32 recv_q, send_q;
	__u32 rmem_alloc, wmem_queued, backlog, forward_deficit;
	__u32 errors;    /* packets in the error queue */
	__u32 unchanged; /* the receiving side was the same before and after */
	struct tcp_told tcp;
	struct ring_told ring;
};

/* What a socket's two sides look like from outside: what changes when anything in their queues does. */
#define RECEIVED_SIGNS 14
#define SENT_SIGNS 6
struct look { __u64 received[RECEIVED_SIGNS], sent[SENT_SIGNS]; };

/* What was walked of a list. */
struct result { __u64 truesize, payload; __u32 flags, packets; };

struct scratch {
	struct packet packet;
	struct { __u64 page; __u32 length, offset; } frag[FRAGS];
	struct result results[LISTS];
	struct look before, after;
	struct socket_end end; /* too large for the stack: six calls share 512 bytes */
	__u64 truesize, payload; /* of the packets of the list that is being walked */
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} packets SEC(".maps");

/* A socket to walk: its number, and how often it was begun. */
struct target { __u32 slot, attempts; };

/* Sockets to walk, by cookie; one that has been walked is taken out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct target);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct limits *own_limits(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&limits, &zero);
}

static __always_inline struct scratch *own_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

static long resolve_fragment(__u32 at, void *context)
{
	struct scratch *own = own_scratch();

	if (!own || at >= FRAGS)
		return 1;
	resolve(&own->packet.fragment[at], own->frag[at].page);
	own->packet.fragment[at].offset = own->frag[at].offset;
	own->packet.fragment[at].length = own->frag[at].length;
	return 0;
}

static __always_inline __u32 queue_of(__u32 list)
{
	return list == READER ? RECEIVE : list;
}

/* Whether a packet is a note of MSG_ZEROCOPY, which sock_omalloc charges to option memory. */
static __always_inline bool is_in_options(__u64 skb, __u64 where)
{
	__u64 cb = AT(sk_buff, skb, cb);

	if (((where >> 8) & 0xff) != ERROR || !HAS(sock_exterr_skb, ee.ee_origin))
		return false;
	return FIELD(sock_exterr_skb, cb, ee.ee_origin) == SO_EE_ORIGIN_ZEROCOPY;
}

/* Hands out one packet. `where` is slot << 16 | list << 8 | flags; of its bytes, `read` have been
 * read. */
__noinline int hand_out(__u64 skb, __u64 where, __u32 read, __u64 stamp)
{
	struct sk_buff *buffer = (struct sk_buff *)skb;
	struct limits *limit = own_limits();
	struct scratch *own = own_scratch();
	__u32 length, frags, end;
	struct packet *packet;
	__u64 shared;

	if (!own || !limit || bpf_ringbuf_query(&packets, BPF_RB_AVAIL_DATA) > limit->full)
		return 1;
	packet = &own->packet;
	packet->kind = PACKET;
	packet->slot = where >> 16;
	packet->queue = queue_of((where >> 8) & 0xff);
	packet->flags = where & 0xff;
	if (is_in_options(skb, where))
		packet->flags |= IN_OPTIONS;
	length = BPF_CORE_READ(buffer, len);
	packet->length = length > read ? length - read : 0;
	packet->truesize = BPF_CORE_READ(buffer, truesize);
	packet->packet = skb;
	packet->stamp = stamp;
	packet->head = (__u64)BPF_CORE_READ(buffer, head);
	end = BPF_CORE_READ(buffer, end);
	resolve_head(&packet->head_piece, buffer, packet->head, end);
	shared = packet->head + end;
	frags = 0;
	if (HAS(skb_shared_info, nr_frags) && HAS(skb_shared_info, frags)) {
		frags = FIELD(skb_shared_info, shared, nr_frags);
		if (frags > FRAGS)
			frags = FRAGS;
		if (bpf_probe_read_kernel(own->frag, frags * sizeof(own->frag[0]),
					  (void *)AT(skb_shared_info, shared, frags)))
			frags = 0;
		bpf_loop(frags, resolve_fragment, NULL, 0);
	}
	if (!(packet->flags & PART)) {
		if (!(packet->flags & IN_OPTIONS))
			own->truesize += packet->truesize;
		own->payload += packet->length;
	}
	packet->fragments = frags;
	return bpf_ringbuf_output(&packets, packet,
				  __builtin_offsetof(struct packet, fragment) + frags * sizeof(struct piece),
				  BPF_RB_NO_WAKEUP) != 0;
}

#endif
