/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The maps of the walk, and how a packet is described.
 */
#ifndef SKCHECK_PACKETS_H
#define SKCHECK_PACKETS_H

#include <stddef.h>
#include "loops.h"
#include "pages.h"
#include "tcp.h"

/* CONFIG_MAX_SKB_FRAGS is at most 45. Before 6.4 the number was fixed: 17 with pages of 4 KiB,
 * 16 with larger ones. */
#ifdef EARLY
#define FRAGS 17
#else
#define FRAGS 45
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limits);
} limits SEC(".maps");

/* What a socket's two sides look like from outside: what changes when anything in their queues does. */
#define RECEIVED_SIGNS 14
#define SENT_SIGNS 6
struct look { __u64 received[RECEIVED_SIGNS], sent[SENT_SIGNS]; };

/* One more list: what a reader has taken off a receive queue, which is a part of that, and handed out as such. */
#define READER (RETRANSMIT + 1)
#define LISTS (READER + 1)

/* More of `enum walk_flag`, which is not handed out. */
#define WALKED 16 /* there is such a list */
#define MOVED 32  /* it was seen to change */

/* What was walked of a list. */
struct result { __u64 truesize, payload; __u32 flags, unused; };

struct scratch {
	struct packet packet;
	struct piece fragment[FRAGS]; /* behind the packet, as they are handed out */
	struct { __u64 page; __u32 length, offset; } frag[FRAGS];
	struct result results[LISTS];
	struct look before, after;
	struct socket_end end; /* too large for the stack: six calls share 512 bytes */
	__u64 at, frags; /* the fragment whose pages are looked for, and how many there are */
	__u64 truesize, payload; /* of the packets of the list that is being walked */
};
_Static_assert(offsetof(struct scratch, fragment) == sizeof(struct packet), "pieces follow their packet");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} packets SEC(".maps");

/* Sockets to walk, by cookie, or by inode and BY_INODE; one that has been walked is taken out. */
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

/* Finds the page of the next fragment. */
static __always_inline int resolve_fragment(void)
{
	struct scratch *own = own_scratch();
	__u32 at;

	if (!own)
		return 1;
	at = own->at;
	if (at >= FRAGS || at >= own->frags)
		return 1;
	own->at++;
	resolve(&own->fragment[at], own->frag[at].page);
	own->fragment[at].offset = own->frag[at].offset;
	own->fragment[at].length = own->frag[at].length;
	return 0;
}
SHORT_LOOP(resolve_fragments, resolve_fragment, FRAGS, FRAGS)

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
		own->at = 0;
		own->frags = frags;
		resolve_fragments();
	}
	if (!(packet->flags & PART)) {
		if (!(packet->flags & IN_OPTIONS))
			own->truesize += packet->truesize;
		own->payload += packet->length;
	}
	packet->fragments = frags;
	return bpf_ringbuf_output(&packets, packet,
				  sizeof(*packet) + frags * sizeof(struct piece),
				  BPF_RB_NO_WAKEUP) != 0;
}

#endif
