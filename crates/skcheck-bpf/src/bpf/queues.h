/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Goes along one list of packets, without its lock: each packet must point back to the one before it, and no list
 * has more than its head counts.
 */
#ifndef SKCHECK_QUEUES_H
#define SKCHECK_QUEUES_H

#include "packets.h"

/* Packets on a packet's frag_list. */
#define CHILDREN 1024
/* Connections that wait at a listener. */
#define WAITING 65536
/* How many more a list may have than its head said a moment ago. */
#define SLACK 64

enum mode { TCP = 1, STREAM = 2, LOCKED = 4, CHAIN = 8, UDP = 16, UNIX = 32 };

/* A value that the verifier does not see: what it knows of the state of a loop it follows through every round. */
#define UNSEEN(value) ((value) + nought)

/* A loop of a program makes no more steps (BPF_MAX_LOOPS); what it walks is bounded besides. */
#define MOST_STEPS (1 << 23)

struct walk {
	__u64 next, end, before, where;
	__u64 child;    /* the next part of the packet that was visited last */
	__u32 children; /* how many of them have been visited */
	__u32 left, most, walked, steps;
	__u32 mode, copied_seq, seq;
	__u32 complete, no_room, moved;
	/* Of a tree: which way the walk came to the node `next`. */
	__u32 came;
};

/* Hands out a packet; whether there was no room for it. Those on its frag_list come next. */
static __always_inline bool visit(struct walk *walk, __u64 skb)
{
	__u64 stamp = 0, shared, cb = AT(sk_buff, skb, cb);
	__s32 read = 0;

	if (walk->mode & TCP) {
		stamp = FIELD_IF_ANY(tcp_skb_cb, cb, seq);
		read = walk->copied_seq - (__u32)stamp;
		if (read < 0 || ((walk->where >> 8) & 0xff) != RECEIVE || !HAS(tcp_skb_cb, seq))
			read = 0;
	} else {
		stamp = FIELD_IF_ANY(sk_buff, skb, tstamp);
		if (walk->mode & STREAM)
			read = FIELD_IF_ANY(unix_skb_parms, cb, consumed);
	}
	if (hand_out(skb, walk->where, read, stamp)) {
		walk->no_room = UNSEEN(1);
		return true;
	}
	walk->walked++;
	walk->seq = stamp;
	walk->children = UNSEEN(0);
	if (HAS(skb_shared_info, frag_list)) {
		shared = (__u64)FIELD(sk_buff, skb, head) + FIELD(sk_buff, skb, end);
		walk->child = (__u64)FIELD(skb_shared_info, shared, frag_list);
	}
	return false;
}

/* Hands out the next part of a packet. */
static __always_inline long visit_child(struct walk *walk)
{
	if (walk->children++ >= CHILDREN) {
		walk->moved = UNSEEN(1);
		return 1;
	}
	if (hand_out(walk->child, walk->where | PART, 0, 0)) {
		walk->no_room = UNSEEN(1);
		return 1;
	}
	walk->child = (__u64)FIELD(sk_buff, walk->child, next);
	return 0;
}

static long visit_next(__u32 at, void *context)
{
	struct walk *walk = context;
	__u64 skb = walk->next;

	if (walk->child)
		return visit_child(walk);
	if (!skb || skb == walk->end) {
		walk->complete = UNSEEN(skb == walk->end);
		walk->moved = UNSEEN(skb != walk->end);
		return 1;
	}
	if (walk->walked >= walk->left)
		return 1;
	/* Packets that leave a queue point nowhere, or into another one. */
	if (walk->walked >= walk->most ||
	    (!(walk->mode & CHAIN) && (__u64)FIELD(sk_buff, skb, prev) != walk->before)) {
		walk->moved = UNSEEN(1);
		return 1;
	}
	if (visit(walk, skb))
		return 1;
	walk->before = skb;
	walk->next = (__u64)FIELD(sk_buff, skb, next);
	return 0;
}

enum came { FROM_ABOVE = 0, FROM_LEFT = 1, FROM_RIGHT = 2 };

static __always_inline __u64 parent_of(__u64 node)
{
	return FIELD(rb_node, node, __rb_parent_color) & ~3UL;
}

/* Goes to a child, which must know its parent. */
static __always_inline void descend(struct walk *walk, __u64 node, __u64 child)
{
	walk->moved = UNSEEN(parent_of(child) != node);
	walk->next = child;
	walk->came = UNSEEN(FROM_ABOVE);
}

/* One step through a red-black tree, in order and without a stack. */
static long visit_node(__u32 at, void *context)
{
	struct walk *walk = context;
	__u64 node = walk->next, next;
	__u32 seq = walk->seq;

	if (walk->child)
		return visit_child(walk);
	if (!node)
		walk->complete = UNSEEN(1);
	/* Each node is come to from above, from its left and from its right. */
	if (walk->steps++ > 3 * walk->left + SLACK)
		walk->moved = UNSEEN(1);
	if (!node || walk->moved)
		return 1;
	if (walk->came == FROM_ABOVE) {
		next = (__u64)FIELD(rb_node, node, rb_left);
		if (next) {
			descend(walk, node, next);
			return 0;
		}
		walk->came = UNSEEN(FROM_LEFT);
	}
	if (walk->came == FROM_LEFT) {
		if (walk->walked >= walk->left)
			return 1;
		if (visit(walk, node - bpf_core_field_offset(((struct sk_buff *)0)->rbnode)))
			return 1;
		/* A tree is in the order of the stream. */
		if (walk->walked > 1 && (__s32)(walk->seq - seq) < 0)
			walk->moved = UNSEEN(1);
		next = (__u64)FIELD(rb_node, node, rb_right);
		if (next) {
			descend(walk, node, next);
			return 0;
		}
	}
	walk->next = parent_of(node);
	if (walk->next) {
		next = (__u64)FIELD(rb_node, walk->next, rb_left);
		walk->came = UNSEEN(next == node ? FROM_LEFT : FROM_RIGHT);
		if (next != node && (__u64)FIELD(rb_node, walk->next, rb_right) != node)
			walk->moved = UNSEEN(1);
	}
	return 0;
}

/* Notes what was walked of a list. A list can be walked in several parts. */
static __always_inline void note(struct walk *walk, bool steady)
{
	struct scratch *own = own_scratch();
	__u32 list = (walk->where >> 8) & 0xff;
	struct result *result;
	__u32 flags = WALKED;

	if (!own || list >= LISTS)
		return;
	if (walk->complete && !walk->no_room)
		flags |= COMPLETE;
	if (walk->no_room)
		flags |= NO_ROOM;
	if (!steady || walk->moved)
		flags |= MOVED;
	result = &own->results[list];
	if (result->flags)
		flags = ((result->flags & flags) & COMPLETE) | ((result->flags | flags) & ~COMPLETE);
	result->flags = flags;
	result->truesize += own->truesize;
	result->payload += own->payload;
}

static __always_inline void begin(struct walk *walk)
{
	struct scratch *own = own_scratch();

	walk->walked = walk->complete = walk->no_room = walk->moved = walk->came = nought;
	walk->child = walk->children = walk->steps = nought;
	walk->end = walk->before = nought;
	if (own)
		own->truesize = own->payload = 0;
}

/* Walks a list of packets that has a head (sk_buff_head). Returns how many packets were walked. */
__noinline int walk_list(__u64 list, __u64 where, __u64 mode_and_seq, __u32 left)
{
	struct walk walk = { .where = where, .left = left, .mode = (__u32)mode_and_seq };
	__u64 first = (__u64)FIELD(sk_buff_head, list, next), last = (__u64)FIELD(sk_buff_head, list, prev);
	__u32 length = FIELD(sk_buff_head, list, qlen);
	bool steady;

	begin(&walk);
	walk.copied_seq = mode_and_seq >> 32;
	walk.end = walk.before = list;
	walk.most = length + SLACK;
	walk.next = first;
	bpf_loop(MOST_STEPS, visit_next, &walk, 0);
	steady = first == (__u64)FIELD(sk_buff_head, list, next) && last == (__u64)FIELD(sk_buff_head, list, prev) &&
		 length == FIELD(sk_buff_head, list, qlen) && (!walk.complete || walk.walked == length);
	note(&walk, steady);
	return walk.walked;
}

/* Walks the backlog: a chain without a head, which knows its last packet and its sum. */
__noinline int walk_backlog(__u64 sk, __u64 where, __u64 mode, __u32 left)
{
	struct walk walk = { .where = where, .left = left, .mode = (__u32)mode | CHAIN };
	__u64 first, last;
	__u32 length;
	bool steady;

	if (!HAS(sock, sk_backlog.head) || !HAS(sock, sk_backlog.tail))
		return 0;
	first = (__u64)FIELD(sock, sk, sk_backlog.head);
	last = (__u64)FIELD(sock, sk, sk_backlog.tail);
	length = FIELD(sock, sk, sk_backlog.len);
	begin(&walk);
	walk.most = left + SLACK;
	walk.next = first;
	bpf_loop(MOST_STEPS, visit_next, &walk, 0);
	steady = first == (__u64)FIELD(sock, sk, sk_backlog.head) && last == (__u64)FIELD(sock, sk, sk_backlog.tail) &&
		 length == FIELD(sock, sk, sk_backlog.len);
	/* Of an empty chain the last one is the one that was there once. */
	if (steady && walk.complete && walk.walked)
		steady = walk.before == last;
	note(&walk, steady);
	return walk.walked;
}

/* Walks a tree of packets whose rb_root is at `root`. Returns how many packets were walked. */
__noinline int walk_tree(__u64 root, __u64 where, __u64 mode, __u32 left)
{
	struct walk walk = { .where = where, .left = left, .mode = mode };
	__u64 top = (__u64)FIELD(rb_root, root, rb_node);

	begin(&walk);
	walk.next = top;
	bpf_loop(MOST_STEPS, visit_node, &walk, 0);
	note(&walk, top == (__u64)FIELD(rb_root, root, rb_node));
	return walk.walked;
}

static __always_inline __u64 place(__u32 slot, __u32 list)
{
	return (__u64)slot << 16 | list << 8;
}

static __always_inline __u32 after(__u32 left, __u32 walked)
{
	return walked < left ? left - walked : 0;
}

struct waiting { __u64 next, before, end, where; __u32 left, moved; };

/* A connection that waits at a unix listener: what has been sent to it is in a socket of its own. */
static long visit_waiting(__u32 at, void *context)
{
	struct limits *limit = own_limits();
	struct waiting *waiting = context;
	__u64 sk;

	if (!waiting->next || waiting->next == waiting->end || !waiting->left || !limit ||
	    bpf_ringbuf_query(&packets, BPF_RB_AVAIL_DATA) > limit->full)
		return 1;
	if ((__u64)FIELD(sk_buff, waiting->next, prev) != waiting->before) {
		waiting->moved = 1;
		return 1;
	}
	sk = (__u64)FIELD(sk_buff, waiting->next, sk);
	if (sk && FIELD(sock, sk, sk_receive_queue.qlen))
		waiting->left = after(waiting->left, walk_list(AT(sock, sk, sk_receive_queue), waiting->where,
							       STREAM, waiting->left));
	waiting->before = waiting->next;
	waiting->next = (__u64)FIELD(sk_buff, waiting->next, next);
	return 0;
}

/* Walks the queues of the connections that wait at a unix listener. */
static __always_inline void walk_waiting(__u64 sk, __u64 where, __u32 left)
{
	__u64 list = AT(sock, sk, sk_receive_queue);
	struct waiting waiting = { .end = list, .before = list, .where = where, .left = left };
	__u32 length = FIELD(sk_buff_head, list, qlen);
	__u64 first = (__u64)FIELD(sk_buff_head, list, next), last = (__u64)FIELD(sk_buff_head, list, prev);
	struct walk all = { .where = where };

	waiting.next = first;
	bpf_loop(WAITING, visit_waiting, &waiting, 0);
	begin(&all);
	all.complete = waiting.next == list;
	all.moved = waiting.moved || !waiting.next;
	note(&all, first == (__u64)FIELD(sk_buff_head, list, next) && last == (__u64)FIELD(sk_buff_head, list, prev) &&
		   length == FIELD(sk_buff_head, list, qlen));
}

#endif
