/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Goes along one list of packets, without its lock: each packet must point back to the one before it, and no list
 * has more than its head counts.
 */
#ifndef SKCHECK_QUEUES_H
#define SKCHECK_QUEUES_H

#include "loops.h"
#include "packets.h"

/* Packets on a packet's frag_list. */
#define CHILDREN 1024
/* Connections that wait at a listener. */
#define WAITING 65536
/* How many more a list may have than its head said a moment ago. */
#define SLACK 64

enum mode { TCP = 1, STREAM = 2, LOCKED = 4, CHAIN = 8, UDP = 16, UNIX = 32 };

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

/* The list that is being walked. */
struct walk walking;

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
		walk->no_room = 1;
		return true;
	}
	walk->walked++;
	walk->seq = stamp;
	walk->children = 0;
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
		walk->moved = 1;
		return 1;
	}
	if (hand_out(walk->child, walk->where | PART, 0, 0)) {
		walk->no_room = 1;
		return 1;
	}
	walk->child = (__u64)FIELD(sk_buff, walk->child, next);
	return 0;
}

STEP int visit_next(void)
{
	struct walk *walk = &walking;
	__u64 skb = walk->next;

	if (walk->child)
		return visit_child(walk);
	if (!skb || skb == walk->end) {
		walk->complete = skb == walk->end;
		walk->moved = skb != walk->end;
		return 1;
	}
	if (walk->walked >= walk->left)
		return 1;
	/* Packets that leave a queue point nowhere, or into another one. */
	if (walk->walked >= walk->most ||
	    (!(walk->mode & CHAIN) && (__u64)FIELD(sk_buff, skb, prev) != walk->before)) {
		walk->moved = 1;
		return 1;
	}
	if (visit(walk, skb))
		return 1;
	walk->before = skb;
	walk->next = (__u64)FIELD(sk_buff, skb, next);
	return 0;
}
LOOP(visit_all, visit_next, MOST_STEPS, 1024)

enum came { FROM_ABOVE = 0, FROM_LEFT = 1, FROM_RIGHT = 2 };

static __always_inline __u64 parent_of(__u64 node)
{
	return FIELD(rb_node, node, __rb_parent_color) & ~3UL;
}

/* Goes to a child, which must know its parent. */
static __always_inline void descend(struct walk *walk, __u64 node, __u64 child)
{
	walk->moved = parent_of(child) != node;
	walk->next = child;
	walk->came = FROM_ABOVE;
}

/* One step through a red-black tree, in order and without a stack. */
STEP int visit_node(void)
{
	struct walk *walk = &walking;
	__u64 node = walk->next, next;
	__u32 seq = walk->seq;

	if (walk->child)
		return visit_child(walk);
	if (!node)
		walk->complete = 1;
	/* Each node is come to from above, from its left and from its right. */
	if (walk->steps++ > 3 * walk->left + SLACK)
		walk->moved = 1;
	if (!node || walk->moved)
		return 1;
	if (walk->came == FROM_ABOVE) {
		next = (__u64)FIELD(rb_node, node, rb_left);
		if (next) {
			descend(walk, node, next);
			return 0;
		}
		walk->came = FROM_LEFT;
	}
	if (walk->came == FROM_LEFT) {
		if (walk->walked >= walk->left)
			return 1;
		if (visit(walk, node - bpf_core_field_offset(((struct sk_buff *)0)->rbnode)))
			return 1;
		/* A tree is in the order of the stream. */
		if (walk->walked > 1 && (__s32)(walk->seq - seq) < 0)
			walk->moved = 1;
		next = (__u64)FIELD(rb_node, node, rb_right);
		if (next) {
			descend(walk, node, next);
			return 0;
		}
	}
	walk->next = parent_of(node);
	if (walk->next) {
		next = (__u64)FIELD(rb_node, walk->next, rb_left);
		walk->came = next == node ? FROM_LEFT : FROM_RIGHT;
		if (next != node && (__u64)FIELD(rb_node, walk->next, rb_right) != node)
			walk->moved = 1;
	}
	return 0;
}
LOOP(visit_tree, visit_node, MOST_STEPS, 1024)

/* Notes what was walked of a list. A list can be walked in several parts. */
static __always_inline void note(bool steady)
{
	struct walk *walk = &walking;
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

/* Begins a walk; what leads through the list is set after. */
static __always_inline void begin(__u64 where, __u32 mode, __u32 left)
{
	struct scratch *own = own_scratch();

	__builtin_memset(&walking, 0, sizeof(walking));
	walking.where = where;
	walking.mode = mode;
	walking.left = left;
	if (own)
		own->truesize = own->payload = 0;
}

/* Walks a list of packets that has a head (sk_buff_head). Returns how many packets were walked. */
__noinline int walk_list(__u64 list, __u64 where, __u64 mode_and_seq, __u32 left)
{
	__u64 first = (__u64)FIELD(sk_buff_head, list, next), last = (__u64)FIELD(sk_buff_head, list, prev);
	__u32 length = FIELD(sk_buff_head, list, qlen);
	bool steady;

	begin(where, mode_and_seq, left);
	walking.copied_seq = mode_and_seq >> 32;
	walking.end = walking.before = list;
	walking.most = length + SLACK;
	walking.next = first;
	visit_all();
	steady = first == (__u64)FIELD(sk_buff_head, list, next) && last == (__u64)FIELD(sk_buff_head, list, prev) &&
		 length == FIELD(sk_buff_head, list, qlen) && (!walking.complete || walking.walked == length);
	note(steady);
	return walking.walked;
}

/* Walks the backlog: a chain without a head, which knows its last packet and its sum. */
__noinline int walk_backlog(__u64 sk, __u64 where, __u64 mode, __u32 left)
{
	__u64 first, last;
	__u32 length;
	bool steady;

	if (!HAS(sock, sk_backlog.head) || !HAS(sock, sk_backlog.tail))
		return 0;
	first = (__u64)FIELD(sock, sk, sk_backlog.head);
	last = (__u64)FIELD(sock, sk, sk_backlog.tail);
	length = FIELD(sock, sk, sk_backlog.len);
	begin(where, (__u32)mode | CHAIN, left);
	walking.most = left + SLACK;
	walking.next = first;
	visit_all();
	steady = first == (__u64)FIELD(sock, sk, sk_backlog.head) && last == (__u64)FIELD(sock, sk, sk_backlog.tail) &&
		 length == FIELD(sock, sk, sk_backlog.len);
	/* Of an empty chain the last one is the one that was there once. */
	if (steady && walking.complete && walking.walked)
		steady = walking.before == last;
	note(steady);
	return walking.walked;
}

/* Walks a tree of packets whose rb_root is at `root`. Returns how many packets were walked. */
__noinline int walk_tree(__u64 root, __u64 where, __u64 mode, __u32 left)
{
	__u64 top = (__u64)FIELD(rb_root, root, rb_node);

	begin(where, mode, left);
	walking.next = top;
	visit_tree();
	note(top == (__u64)FIELD(rb_root, root, rb_node));
	return walking.walked;
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

/* The unix listener whose connections are being walked. */
struct waiting waiting_at;

/* A connection that waits at a unix listener: what has been sent to it is in a socket of its own. */
STEP int visit_waiting(void)
{
	struct limits *limit = own_limits();
	struct waiting *waiting = &waiting_at;
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
SHORT_LOOP(visit_all_waiting, visit_waiting, WAITING, 1024)

/* Walks the queues of the connections that wait at a unix listener. */
static __always_inline void walk_waiting(__u64 sk, __u64 where, __u32 left)
{
	__u64 list = AT(sock, sk, sk_receive_queue);
	__u32 length = FIELD(sk_buff_head, list, qlen);
	__u64 first = (__u64)FIELD(sk_buff_head, list, next), last = (__u64)FIELD(sk_buff_head, list, prev);

	waiting_at.end = waiting_at.before = list;
	waiting_at.where = where;
	waiting_at.left = left;
	waiting_at.moved = 0;
	waiting_at.next = first;
	visit_all_waiting();
	begin(where, 0, 0);
	walking.complete = waiting_at.next == list;
	walking.moved = waiting_at.moved || !waiting_at.next;
	note(first == (__u64)FIELD(sk_buff_head, list, next) && last == (__u64)FIELD(sk_buff_head, list, prev) &&
	     length == FIELD(sk_buff_head, list, qlen));
}

#endif
