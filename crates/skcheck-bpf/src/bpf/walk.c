/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Walks the queues of the sockets that are asked for, packet by packet, and hands out what each packet
 * consists of. A TCP socket is locked while the iterator is at it; UDP and unix queues change under
 * the walk, which therefore looks at the queue before and after, and tries again.
 */
#include "kernel.h"
#include <stddef.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define ATTEMPTS 3
/* CONFIG_MAX_SKB_FRAGS is at most 45. */
#define FRAGS 45
/* Packets on a packet's frag_list. */
#define CHILDREN 1024
/* Connections that wait at a listener. */
#define WAITING 65536

volatile const __u32 page_shift = 12;

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

enum queue { RECEIVE = 0, OUT_OF_ORDER = 1, BACKLOG = 2, ERROR = 3, WRITE = 4, RETRANSMIT = 5 };

enum flag {
	PART = 1,     /* PACKET: of the packet before it (frag_list); lengths are counted there */
	COMPLETE = 2, /* QUEUE_END: the walk came to the end */
	STEADY = 4,   /* QUEUE_END: the queue was the same before and after */
	NO_ROOM = 8,  /* QUEUE_END: the ring buffer was full */
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

struct socket_end {
	__u32 kind, slot;
	__u32 recv_q, send_q;
	__u32 rmem_alloc, wmem_queued, backlog, forward_deficit;
};

struct scratch {
	struct packet packet;
	struct { __u64 page; __u32 length, offset; } frag[FRAGS];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} packets SEC(".maps");

/* Sockets to walk, by cookie, and their numbers; one that has been walked is taken out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* A nought that the verifier does not know to be one: it follows what it knows through every round of
 * a loop. */
__u32 nought = 0;

/* struct page of the page at linear address A = bias + (A >> page_shift) * sizeof(struct page). */
__u64 bias = 0;
__u64 bias_looked_for = 0;

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

/* Where virtual addresses and their struct pages meet: a partly used slab knows its struct page and the
 * address of a free object in it. Both maps begin at multiples of 1 GiB. */
struct caches { __u64 cache, bias; __u32 agreed, unused; };

#define BIAS_STEP (1ULL << 24)

static long learn_from(__u32 at, void *context)
{
	struct caches *caches = context;
	__u64 node, partial, first, slab, object, bias, list;

	if (!caches->cache)
		return 1;
	node = (__u64)FIELD(kmem_cache, caches->cache, node[0]);
	list = (__u64)FIELD(kmem_cache, caches->cache, list.next);
	if (node) {
		partial = AT(kmem_cache_node, node, partial);
		first = (__u64)FIELD(kmem_cache_node, node, partial.next);
		if (first && first != partial) {
			slab = first - bpf_core_field_offset(((struct slab *)0)->slab_list);
			object = (__u64)FIELD(slab, slab, freelist);
			if (object) {
				bias = slab - (object >> page_shift) * bpf_core_type_size(struct page);
				bias = (bias + BIAS_STEP - 1) & ~(BIAS_STEP - 1);
				if (bias == caches->bias)
					caches->agreed++;
				else if (!caches->agreed)
					caches->bias = bias;
				else
					caches->agreed--;
			}
		}
	}
	caches->cache = list - bpf_core_field_offset(((struct kmem_cache *)0)->list);
	return caches->agreed >= 3;
}

static __noinline int learn_bias(__u64 sk)
{
	struct caches caches = { .bias = nought, .agreed = nought };

	if (bias_looked_for)
		return 0;
	bias_looked_for = 1;
	caches.cache = (__u64)FIELD(sock, sk, sk_prot_creator, slab);
	bpf_loop(300, learn_from, &caches, 0);
	if (caches.agreed >= 3)
		bias = caches.bias;
	return 0;
}

static __always_inline __u32 order_of(__u64 page, unsigned long flags)
{
	struct folio___order *folio = (void *)page;
	struct page___order *second = (void *)(page + bpf_core_type_size(struct page));
	struct folio *newer = (void *)page;

	if (!(flags & (1UL << bpf_core_enum_value(enum pageflags, PG_head))))
		return 0;
	if (bpf_core_field_exists(second->compound_order))
		return BPF_CORE_READ(second, compound_order);
	if (bpf_core_field_exists(folio->_folio_order))
		return BPF_CORE_READ(folio, _folio_order);
	return BPF_CORE_READ(newer, _flags_1) & 0xff;
}

/* Finds the block that the page of a piece belongs to. */
static __always_inline void resolve(struct piece *piece, __u64 page)
{
	__u64 compound, mapping;
	unsigned long flags = 0;
	struct page *head;

	piece->order = 0;
	piece->page = page;
	piece->kind = UNKNOWN;
	if (!page)
		return;
	if (page & 1) {
		piece->kind = DEVICE;
		return;
	}
	head = (struct page *)page;
	if (!bpf_core_field_exists(head->compound_head))
		return;
	compound = BPF_CORE_READ(head, compound_head);
	if (compound & 1)
		page = compound - 1;
	head = (struct page *)page;
	/* The flags are the first member of every kernel's struct page. */
	if (bpf_probe_read_kernel(&flags, sizeof(flags), head))
		return;
	mapping = (__u64)BPF_CORE_READ(head, mapping);
	piece->page = page;
	piece->order = order_of(page, flags);
	if (mapping & 1)
		piece->kind = ANONYMOUS;
	else if (mapping)
		piece->kind = FILE_PAGE;
	/* The page cache fills its pages before it hands them out; they come to the list a little later. */
	else if (flags & (1UL << bpf_core_enum_value(enum pageflags, PG_lru) |
			  1UL << bpf_core_enum_value(enum pageflags, PG_uptodate)))
		piece->kind = REMOVED;
	else
		piece->kind = STACK;
}

static __always_inline __u32 order_for(__u32 size)
{
	__u32 order = 0, pages = (size - 1) >> page_shift;

	for (int i = 0; i < 12 && pages; i++, order++)
		pages >>= 1;
	return order;
}

/* Where a packet's head lies. */
static __always_inline void resolve_head(struct piece *piece, struct sk_buff *skb, __u64 head, __u32 end)
{
	__u64 page = head;

	piece->length = end + ((bpf_core_type_size(struct skb_shared_info) + 63) & ~63);
	piece->offset = 0;
	piece->order = 0;
	piece->page = 0;
	piece->kind = SLAB;
	if (bias)
		page = bias + (head >> page_shift) * bpf_core_type_size(struct page);
	if (BPF_CORE_READ_BITFIELD_PROBED(skb, head_frag)) {
		if (bias)
			resolve(piece, page);
		else
			piece->kind = UNKNOWN;
		piece->offset = head & ((1ULL << (page_shift + (piece->order & 15))) - 1);
	} else if (piece->length > 2U << page_shift) {
		piece->page = page;
		piece->order = order_for(piece->length);
		piece->kind = LARGE;
	}
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

/* Hands out one packet. `where` is slot << 16 | queue << 8 | flags; of its bytes, `read` have been
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
	packet->queue = (where >> 8) & 0xff;
	packet->flags = where & 0xff;
	length = BPF_CORE_READ(buffer, len);
	packet->length = length > read ? length - read : 0;
	packet->truesize = BPF_CORE_READ(buffer, truesize);
	packet->packet = skb;
	packet->stamp = stamp;
	packet->head = (__u64)BPF_CORE_READ(buffer, head);
	end = BPF_CORE_READ(buffer, end);
	resolve_head(&packet->head_piece, buffer, packet->head, end);
	shared = packet->head + end;
	frags = FIELD(skb_shared_info, shared, nr_frags);
	if (frags > FRAGS)
		frags = FRAGS;
	if (bpf_probe_read_kernel(own->frag, frags * sizeof(own->frag[0]), (void *)AT(skb_shared_info, shared, frags)))
		frags = 0;
	bpf_loop(frags, resolve_fragment, NULL, 0);
	packet->fragments = frags;
	return bpf_ringbuf_output(&packets, packet,
				  __builtin_offsetof(struct packet, fragment) + frags * sizeof(struct piece),
				  BPF_RB_NO_WAKEUP) != 0;
}

enum mode { TCP = 1, STREAM = 2, LOCKED = 4, CHAIN = 8, CLOSED = 16, UDP = 32, UNIX = 64 };

struct walk {
	__u64 next, end, where;
	__u32 left, walked;
	__u32 mode, copied_seq;
	__u32 complete, no_room;
	/* Of a tree: which way the walk came to the node `next`. */
	__u32 came, unused;
};

struct children { __u64 next, where; __u32 no_room, unused; };

static long visit_child(__u32 at, void *context)
{
	struct children *children = context;

	if (!children->next)
		return 1;
	if (hand_out(children->next, children->where | PART, 0, 0)) {
		children->no_room = 1;
		return 1;
	}
	children->next = (__u64)FIELD(sk_buff, children->next, next);
	return 0;
}

/* Hands out a packet and those on its frag_list; whether there was no room for them. */
static __always_inline bool visit(struct walk *walk, __u64 skb)
{
	struct children children = { .where = walk->where };
	__u64 stamp, shared, cb = AT(sk_buff, skb, cb);
	__s32 read = 0;

	if (walk->mode & TCP) {
		stamp = FIELD(tcp_skb_cb, cb, seq);
		read = walk->copied_seq - (__u32)stamp;
		if (read < 0 || ((walk->where >> 8) & 0xff) != RECEIVE)
			read = 0;
	} else {
		stamp = FIELD(sk_buff, skb, tstamp);
		if (walk->mode & STREAM)
			read = FIELD(unix_skb_parms, cb, consumed);
	}
	if (hand_out(skb, walk->where, read, stamp))
		return true;
	shared = (__u64)FIELD(sk_buff, skb, head) + FIELD(sk_buff, skb, end);
	children.next = (__u64)FIELD(skb_shared_info, shared, frag_list);
	if (children.next)
		bpf_loop(CHILDREN, visit_child, &children, 0);
	return children.no_room || children.next;
}

static long visit_next(__u32 at, void *context)
{
	struct walk *walk = context;
	__u64 skb = walk->next;

	if (!skb || skb == walk->end) {
		walk->complete = skb == walk->end;
		return 1;
	}
	if (walk->walked >= walk->left)
		return 1;
	if (visit(walk, skb)) {
		walk->no_room = 1;
		return 1;
	}
	walk->walked++;
	walk->next = (__u64)FIELD(sk_buff, skb, next);
	return 0;
}

enum came { FROM_ABOVE = 0, FROM_LEFT = 1, FROM_RIGHT = 2 };

/* One step through a red-black tree, in order and without a stack. */
static long visit_node(__u32 at, void *context)
{
	struct walk *walk = context;
	__u64 node = walk->next, next;

	if (!node) {
		walk->complete = 1;
		return 1;
	}
	if (walk->came == FROM_ABOVE) {
		next = (__u64)FIELD(rb_node, node, rb_left);
		if (next) {
			walk->next = next;
			return 0;
		}
		walk->came = FROM_LEFT;
	}
	if (walk->came == FROM_LEFT) {
		if (walk->walked >= walk->left)
			return 1;
		if (visit(walk, node - bpf_core_field_offset(((struct sk_buff *)0)->rbnode))) {
			walk->no_room = 1;
			return 1;
		}
		walk->walked++;
		next = (__u64)FIELD(rb_node, node, rb_right);
		if (next) {
			walk->next = next;
			walk->came = FROM_ABOVE;
			return 0;
		}
	}
	walk->next = FIELD(rb_node, node, __rb_parent_color) & ~3UL;
	if (walk->next) {
		next = (__u64)FIELD(rb_node, walk->next, rb_left);
		walk->came = next == node ? FROM_LEFT : FROM_RIGHT;
	}
	return 0;
}

static __always_inline void end_queue(struct walk *walk, bool steady)
{
	struct queue_end end = {
		.kind = QUEUE_END,
		.slot = walk->where >> 16,
		.queue = (walk->where >> 8) & 0xff,
		.packets = walk->walked,
	};

	if (walk->complete)
		end.flags |= COMPLETE;
	if (steady)
		end.flags |= STEADY;
	if (walk->no_room)
		end.flags |= NO_ROOM;
	bpf_ringbuf_output(&packets, &end, sizeof(end), BPF_RB_NO_WAKEUP);
}

static __always_inline void begin_anew(__u64 where)
{
	struct queue_end anew = { .kind = ANEW, .slot = where >> 16, .queue = (where >> 8) & 0xff };

	bpf_ringbuf_output(&packets, &anew, sizeof(anew), BPF_RB_NO_WAKEUP);
}

/* Walks a list of packets: a ring with a head (sk_buff_head) at `list`, or, if `mode` says so, a chain
 * whose first packet is at `list`. Returns how many packets were walked. */
__noinline int walk_list(__u64 list, __u64 where, __u64 mode_and_seq, __u32 left)
{
	struct walk walk = { .where = where, .left = left, .mode = (__u32)mode_and_seq };
	__u32 before = 0, after = 0;
	__u64 first = 0, last = 0;
	bool steady;

	walk.copied_seq = mode_and_seq >> 32;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		walk.walked = walk.complete = walk.no_room = nought;
		if (walk.mode & CHAIN) {
			bpf_probe_read_kernel(&first, sizeof(first), (void *)list);
			walk.end = 0;
		} else {
			first = (__u64)FIELD(sk_buff_head, list, next);
			before = FIELD(sk_buff_head, list, qlen);
			walk.end = list;
		}
		walk.next = first;
		bpf_loop(left + 1, visit_next, &walk, 0);
		if (walk.mode & LOCKED) {
			steady = true;
			break;
		}
		if (walk.mode & CHAIN) {
			bpf_probe_read_kernel(&last, sizeof(last), (void *)list);
			steady = first == last;
		} else {
			last = (__u64)FIELD(sk_buff_head, list, next);
			after = FIELD(sk_buff_head, list, qlen);
			steady = first == last && before == after && (!walk.complete || walk.walked == before);
		}
		if (steady || walk.no_room)
			break;
		if (attempt + 1 < ATTEMPTS)
			begin_anew(where);
	}
	end_queue(&walk, steady);
	return walk.walked;
}

/* Walks a tree of packets whose rb_root is at `root`. Returns how many packets were walked. */
__noinline int walk_tree(__u64 root, __u64 where, __u64 mode, __u32 left)
{
	struct walk walk = { .where = where, .left = left, .mode = mode };
	bool steady;
	__u64 top;

	walk.walked = walk.complete = walk.no_room = walk.came = nought;
	top = (__u64)FIELD(rb_root, root, rb_node);
	walk.next = top;
	/* Each node is come to from above, from its left and from its right. */
	bpf_loop(3 * left + 64, visit_node, &walk, 0);
	/* Without the lock nothing tells whether a tree changed, unless it is empty, or of a socket that is
	 * closed, to which nothing is added. */
	steady = top == (__u64)FIELD(rb_root, root, rb_node) && (!top || walk.mode & CLOSED);
	end_queue(&walk, walk.mode & LOCKED || steady);
	return walk.walked;
}

static __always_inline __u64 place(__u32 slot, __u32 queue)
{
	return (__u64)slot << 16 | queue << 8;
}

static __always_inline __u32 after(__u32 left, __u32 walked)
{
	return walked < left ? left - walked : 0;
}

struct waiting { __u64 next, end, where; __u32 left, mode; };

/* A connection that waits at a unix listener: what has been sent to it is in a socket of its own. */
static long visit_waiting(__u32 at, void *context)
{
	struct limits *limit = own_limits();
	struct waiting *waiting = context;
	__u64 sk;

	if (!waiting->next || waiting->next == waiting->end || !waiting->left || !limit ||
	    bpf_ringbuf_query(&packets, BPF_RB_AVAIL_DATA) > limit->full)
		return 1;
	sk = (__u64)FIELD(sk_buff, waiting->next, sk);
	if (sk && FIELD(sock, sk, sk_receive_queue.qlen))
		waiting->left = after(waiting->left, walk_list(AT(sock, sk, sk_receive_queue), waiting->where,
							       waiting->mode, waiting->left));
	waiting->next = (__u64)FIELD(sk_buff, waiting->next, next);
	return 0;
}

/* Walks the queues of the connections that wait at a unix listener. */
static __always_inline void walk_waiting(__u64 sk, __u32 slot, __u32 left)
{
	__u64 list = AT(sock, sk, sk_receive_queue);
	struct waiting waiting = { .end = list, .where = place(slot, RECEIVE), .mode = STREAM };
	struct walk all = { .where = waiting.where };
	__u32 before = FIELD(sk_buff_head, list, qlen);
	__u64 first = (__u64)FIELD(sk_buff_head, list, next);

	waiting.left = left;
	waiting.next = first;
	bpf_loop(WAITING, visit_waiting, &waiting, 0);
	all.complete = waiting.next == list;
	end_queue(&all, first == (__u64)FIELD(sk_buff_head, list, next) && before == FIELD(sk_buff_head, list, qlen));
}

/* Which queues a socket has: a raw socket can have TCP's or UDP's number, and has not their queues. */
static __noinline __u32 mode_of(__u64 sk)
{
	__u32 family = FIELD(sock, sk, __sk_common.skc_family);
	__u32 protocol = FIELD(sock, sk, sk_protocol);
	__u32 type = FIELD(sock, sk, sk_type);

	if (family == AF_UNIX)
		return type == SOCK_DGRAM ? UNIX : UNIX | STREAM;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (type == SOCK_STREAM && protocol == IPPROTO_TCP)
		return TCP;
	if (type == SOCK_DGRAM && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE))
		return UDP;
	return 0;
}

/* Walks all queues of a socket. */
__noinline int walk_socket(__u64 sk, __u32 slot, __u32 locked)
{
	struct socket_end end = { .kind = SOCKET_END, .slot = slot };
	__u32 left, mode = mode_of(sk) | (locked ? LOCKED : 0), walked = 0, kept = 0;
	struct limits *limit = own_limits();
	__u64 seq = 0;

	if (!limit)
		return 0;
	left = limit->packets;
	learn_bias(sk);
	end.rmem_alloc = FIELD(sock, sk, sk_backlog.rmem_alloc.counter);
	end.wmem_queued = FIELD(sock, sk, sk_wmem_queued);
	end.backlog = FIELD(sock, sk, sk_backlog.len);
	if (mode & UNIX && FIELD(sock, sk, __sk_common.skc_state) == TCP_LISTEN) {
		walk_waiting(sk, slot, left);
		bpf_ringbuf_output(&packets, &end, sizeof(end), BPF_RB_NO_WAKEUP);
		return 0;
	}
	if (mode & TCP) {
		__s32 unread;

		if (FIELD(sock, sk, __sk_common.skc_state) == TCP_CLOSE)
			mode |= CLOSED;
		seq = (__u64)(__u32)FIELD(tcp_sock, sk, copied_seq) << 32;
		unread = FIELD(tcp_sock, sk, rcv_nxt) - FIELD(tcp_sock, sk, copied_seq);
		end.recv_q = unread > 0 ? unread : 0;
		end.send_q = FIELD(tcp_sock, sk, write_seq) - FIELD(tcp_sock, sk, snd_una);
	} else if (mode & UDP) {
		end.forward_deficit = FIELD(udp_sock, sk, forward_deficit);
		/* What a reader has taken off is the oldest: one of it is met however many have come since. */
		kept = FIELD(udp_sock, sk, reader_queue.qlen) && left;
	}
	walked = walk_list(AT(sock, sk, sk_receive_queue), place(slot, RECEIVE), seq | mode, left - kept);
	left = after(left, walked);
	if (mode & TCP) {
		walked = walk_tree(AT(tcp_sock, sk, out_of_order_queue), place(slot, OUT_OF_ORDER), mode, left);
		left = after(left, walked);
		walked = walk_list(AT(sock, sk, sk_write_queue), place(slot, WRITE), mode, left);
		left = after(left, walked);
		walked = walk_tree(AT(sock, sk, tcp_rtx_queue), place(slot, RETRANSMIT), mode, left);
		left = after(left, walked);
		walked = walk_list(AT(sock, sk, sk_backlog.head), place(slot, BACKLOG), mode | CHAIN, left);
		left = after(left, walked);
	} else if (mode & UDP) {
		/* What a reader has taken off the receive queue and not read yet. */
		walked = walk_list(AT(udp_sock, sk, reader_queue), place(slot, RECEIVE), mode, left);
		left = after(left, walked);
	}
	if (!(mode & UNIX)) {
		walked = walk_list(AT(sock, sk, sk_error_queue), place(slot, ERROR), mode, left);
		left = after(left, walked);
	}
	bpf_ringbuf_output(&packets, &end, sizeof(end), BPF_RB_NO_WAKEUP);
	return 0;
}

/* The slot of a socket that is still to be walked; -1: of none, -2: there is no room now. */
static __always_inline int slot_of(__u64 cookie)
{
	struct limits *limit = own_limits();
	__u32 *slot;

	if (!cookie)
		return -1;
	slot = bpf_map_lookup_elem(&targets, &cookie);
	if (!slot || !limit || (limit->deadline && bpf_ktime_get_ns() > limit->deadline))
		return -1;
	if (bpf_ringbuf_query(&packets, BPF_RB_AVAIL_DATA) > limit->room)
		return -2;
	return *slot;
}

/* Walks a socket, if it is to be walked. Its address is read from where it lies, as a number: pointers of the
 * context may not be passed on. Whether it is to be walked and there is no room now. */
static __always_inline bool walk_wanted(__u64 cookie, const void *address, __u32 locked)
{
	int slot = slot_of(cookie);
	__u64 sk = 0;

	if (slot < 0)
		return slot == -2;
	bpf_probe_read_kernel(&sk, sizeof(sk), address);
	walk_socket(sk, slot, locked);
	bpf_map_delete_elem(&targets, &cookie);
	return false;
}

SEC("iter/tcp")
int walk_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	__u32 state;

	if (!common)
		return 0;
	state = common->skc_state;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return 0;
	return walk_wanted(common->skc_cookie.counter, &ctx->sk_common, 1);
}

/* Where there is no room a UDP or unix socket stays to be walked: stopping there could lose the rest of its
 * bucket. */

SEC("iter/udp")
int walk_udp(struct bpf_iter__udp *ctx)
{
	struct sock_common *common = (void *)ctx->udp_sk;

	if (common)
		walk_wanted(BPF_CORE_READ(common, skc_cookie.counter), &ctx->udp_sk, 0);
	return 0;
}

SEC("iter/unix")
int walk_unix(struct bpf_iter__unix *ctx)
{
	struct sock_common *common = (void *)ctx->unix_sk;

	if (common)
		walk_wanted(BPF_CORE_READ(common, skc_cookie.counter), &ctx->unix_sk, 0);
	return 0;
}

/* Those that no socket iterator shows, from their descriptors. */
SEC("iter/task_file")
int walk_files(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *sock;
	struct sock *sk;

	if (!file || !ctx->task)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk)
		return 0;
	return walk_wanted(sk->__sk_common.skc_cookie.counter, &sock->sk, 0);
}
