/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Walks all queues of a socket, and proves the walk: lengths, ends and charges must be the same before and after,
 * and add up to what the kernel accounts for.
 */
#ifndef SKCHECK_SOCKET_H
#define SKCHECK_SOCKET_H

#include "queues.h"
#include "ring.h"

/* How often a socket is walked that changes meanwhile. */
#define ATTEMPTS 3

/* Which queues a socket has: a raw socket can have TCP's or UDP's number, and has not their queues. */
__noinline __u32 mode_of(__u64 sk)
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

/* Where in a look what lies that is compared with sums. */
#define CHARGED 0
#define DEFICIT 1
#define QUEUED 0

static __always_inline void look_at(struct look *look, __u64 sk, __u32 mode)
{
	__u64 first;

	__builtin_memset(look, 0, sizeof(*look));
	look->received[CHARGED] = (__u32)FIELD(sock, sk, sk_backlog.rmem_alloc.counter);
	look->received[2] = (__u32)FIELD(sock, sk, sk_backlog.len);
	look->received[3] = (__u64)FIELD_IF_ANY(sock, sk, sk_backlog.head);
	first = (__u64)FIELD(sock, sk, sk_receive_queue.next);
	look->received[4] = first;
	look->received[5] = (__u64)FIELD(sock, sk, sk_receive_queue.prev);
	look->received[6] = FIELD(sock, sk, sk_receive_queue.qlen);
	look->received[7] = FIELD_IF_ANY(sock, sk, sk_error_queue.qlen);
	look->sent[QUEUED] = (__u32)FIELD(sock, sk, sk_wmem_queued);
	if (mode & TCP) {
		look->received[8] = FIELD(tcp_sock, sk, rcv_nxt);
		look->received[9] = FIELD(tcp_sock, sk, copied_seq);
		look->received[12] = FIELD(sock, sk, __sk_common.skc_state);
		look->received[10] = (__u64)FIELD_IF_ANY(tcp_sock, sk, out_of_order_queue.rb_node);
		look->sent[1] = FIELD(tcp_sock, sk, write_seq);
		look->sent[2] = FIELD(tcp_sock, sk, snd_una);
		look->sent[3] = FIELD_IF_ANY(tcp_sock, sk, snd_nxt);
		look->sent[4] = (__u64)FIELD_IF_ANY(sock, sk, tcp_rtx_queue.rb_node);
		look->sent[5] = FIELD_IF_ANY(sock, sk, sk_write_queue.qlen);
	} else if (mode & UDP) {
		look->received[DEFICIT] = (__u32)FIELD_IF_ANY(udp_sock, sk, forward_deficit);
		look->received[11] = FIELD_IF_ANY(udp_sock, sk, reader_queue.qlen);
		look->received[12] = (__u64)FIELD_IF_ANY(udp_sock, sk, reader_queue.next);
	} else if (mode & UNIX && first != AT(sock, sk, sk_receive_queue)) {
		/* No sum tells, and the address of a packet can be that of another one later. */
		look->received[8] = (__u64)FIELD(sk_buff, first, head);
		look->received[9] = FIELD(sk_buff, first, len);
		look->received[10] = (__u64)FIELD(sk_buff, look->received[5], head);
		look->received[11] = FIELD(sk_buff, look->received[5], len);
		/* A reader that is in the middle of a packet. */
		if (mode & STREAM)
			look->received[13] = FIELD_IF_ANY(unix_skb_parms, AT(sk_buff, first, cb), consumed);
	}
}

__noinline int look_before(__u64 sk, __u32 mode)
{
	struct scratch *own = own_scratch();

	if (own) {
		__builtin_memset(own->results, 0, sizeof(own->results));
		look_at(&own->before, sk, mode);
	}
	return 0;
}

__noinline int look_after(__u64 sk, __u32 mode)
{
	struct scratch *own = own_scratch();

	if (own)
		look_at(&own->after, sk, mode);
	return 0;
}

static __always_inline bool is_sending(__u32 list)
{
	return list == WRITE || list == RETRANSMIT;
}

/* What was walked of one side, and whether something is lacking. Summed up without a branch, which the verifier
 * would follow anew for each list. */
struct side { __u64 truesize; __u32 lacking, unused; };

static __always_inline struct side sum_of(struct scratch *own, bool sending)
{
	struct side side = {};

	for (__u32 list = 0; list < LISTS; list++) {
		__u32 is_walked = own->results[list].flags / WALKED & 1;

		if (is_sending(list) != sending)
			continue;
		side.lacking |= is_walked & ~(own->results[list].flags / COMPLETE) & 1;
		if (list != BACKLOG)
			side.truesize += own->results[list].truesize;
	}
	return side;
}

/* Whether a FIN can be in the receive queue: it has a sequence number, and no payload. */
static __always_inline bool may_have_fin(__u32 state)
{
	return state == TCP_CLOSE || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* Says of a list whether its walk has proved itself; whether another walk could prove what this one did not. By
 * itself, as what follows is: the verifier follows every way through a list once, not beside those of the others. */
__noinline int judge_list(__u32 list, __u32 is_proven, __u32 locked)
{
	struct scratch *own = own_scratch();
	struct result *result;

	if (!own || list >= LISTS)
		return 0;
	result = &own->results[list];
	if (!(result->flags & WALKED))
		return 0;
	/* While the backlog is worked off its packets are counted still, and on no list. */
	if (list == BACKLOG && result->flags & COMPLETE && result->truesize != own->before.received[2])
		is_proven = 0;
	/* To these packets come while the socket is locked. */
	if (list == BACKLOG || list == ERROR)
		locked = 0;
	if (!locked && (result->flags & MOVED || !is_proven))
		return !(result->flags & NO_ROOM);
	result->flags |= STEADY;
	return 0;
}

/* Whether the receiving side is the same before and after. */
__noinline int received_is_unchanged(void)
{
	struct scratch *own = own_scratch();
	__u64 changed = 0;

	if (!own)
		return 0;
	for (__u32 at = 0; at < RECEIVED_SIGNS; at++)
		changed |= own->before.received[at] ^ own->after.received[at];
	return !changed;
}

/* Whether it is, and adds up. */
__noinline int received_is_proven(__u32 mode)
{
	struct scratch *own = own_scratch();
	struct side received;
	__s64 beyond;

	if (!own || !received_is_unchanged())
		return 0;
	received = sum_of(own, false);
	/* What was not walked to the end cannot add up, and what waits at a unix socket is charged to its senders. */
	if (received.lacking || mode & UNIX)
		return 1;
	if (received.truesize != own->before.received[CHARGED] - own->before.received[DEFICIT])
		return 0;
	if (!(mode & TCP))
		return 1;
	beyond = (__s32)((__u32)own->before.received[8] - (__u32)own->before.received[9]);
	beyond = (beyond > 0 ? beyond : 0) - (__s64)own->results[RECEIVE].payload;
	if (beyond == 1)
		return may_have_fin(own->before.received[12]);
	return !beyond;
}

/* The same of the sending side; only TCP's is counted. */
__noinline int sent_is_proven(__u32 mode)
{
	struct scratch *own = own_scratch();
	struct side sent;
	__u64 changed = 0;

	if (!own)
		return 0;
	for (__u32 at = 0; at < SENT_SIGNS; at++)
		changed |= own->before.sent[at] ^ own->after.sent[at];
	if (changed)
		return 0;
	sent = sum_of(own, true);
	return sent.lacking || !(mode & TCP) || sent.truesize == own->before.sent[QUEUED];
}

/* Judges all lists. */
__noinline int judge(__u32 mode)
{
	int received = received_is_proven(mode), sent = sent_is_proven(mode), again = 0;

	for (__u32 list = 0; list < LISTS; list++)
		again |= judge_list(list, is_sending(list) ? sent : received, mode & LOCKED);
	return again;
}

__noinline int end_list(__u32 slot, __u32 list)
{
	struct scratch *own = own_scratch();
	struct queue_end end = { .kind = QUEUE_END, .slot = slot, .queue = queue_of(list) };

	if (!own || list >= LISTS || !own->results[list].flags)
		return 0;
	end.flags = own->results[list].flags & (COMPLETE | STEADY | NO_ROOM);
	return bpf_ringbuf_output(&packets, &end, sizeof(end), BPF_RB_NO_WAKEUP);
}

/* A queue that this kernel keeps where nothing is known of is not walked, and that is said. */
static __always_inline void cannot_walk(__u32 list)
{
	struct scratch *own = own_scratch();

	if (own)
		own->results[list].flags = WALKED;
}

static __always_inline __u32 walk_tcp_queues(__u64 sk, __u32 slot, __u32 mode, __u32 left)
{
	__u32 walked;

	if (HAS(tcp_sock, out_of_order_queue) && HAS(sk_buff, rbnode)) {
		walked = walk_tree(AT(tcp_sock, sk, out_of_order_queue), place(slot, OUT_OF_ORDER), mode, left);
		left = after(left, walked);
	} else {
		cannot_walk(OUT_OF_ORDER);
	}
	if (HAS(sock, tcp_rtx_queue) && HAS(sk_buff, rbnode)) {
		walked = walk_tree(AT(sock, sk, tcp_rtx_queue), place(slot, RETRANSMIT), mode, left);
		left = after(left, walked);
	} else {
		cannot_walk(RETRANSMIT);
	}
	if (HAS(sock, sk_backlog.head) && HAS(sock, sk_backlog.tail)) {
		walked = walk_backlog(sk, place(slot, BACKLOG), mode, left);
		left = after(left, walked);
	} else {
		cannot_walk(BACKLOG);
	}
	return left;
}

static __always_inline void walk_queues(__u64 sk, __u32 slot, __u32 mode, __u32 left)
{
	__u32 walked;
	__u64 seq = 0;

	if (mode & UNIX && FIELD(sock, sk, __sk_common.skc_state) == TCP_LISTEN) {
		if (HAS(sk_buff, sk))
			walk_waiting(sk, place(slot, RECEIVE), left);
		else
			cannot_walk(RECEIVE);
		return;
	}
	if (mode & TCP) {
		seq = (__u64)(__u32)FIELD(tcp_sock, sk, copied_seq) << 32;
	} else if (mode & UDP && HAS(udp_sock, reader_queue)) {
		/* What a reader has taken off the receive queue and not read yet: the oldest. */
		walked = walk_list(AT(udp_sock, sk, reader_queue), place(slot, READER), mode, left);
		left = after(left, walked);
	}
	walked = walk_list(AT(sock, sk, sk_receive_queue), place(slot, RECEIVE), seq | mode, left);
	left = after(left, walked);
	if (!(mode & UNIX)) {
		/* Others than TCP have something in it only while more is to come (UDP_CORK, MSG_MORE). */
		if (HAS(sock, sk_write_queue)) {
			walked = walk_list(AT(sock, sk, sk_write_queue), place(slot, WRITE), mode, left);
			left = after(left, walked);
		} else {
			cannot_walk(WRITE);
		}
	}
	if (mode & TCP)
		left = walk_tcp_queues(sk, slot, mode, left);
	if (!(mode & UNIX)) {
		if (HAS(sock, sk_error_queue))
			walk_list(AT(sock, sk, sk_error_queue), place(slot, ERROR), mode, left);
		else
			cannot_walk(ERROR);
	}
}

__noinline int end_socket(__u64 sk, __u32 slot, __u32 mode)
{
	struct scratch *own = own_scratch();
	struct socket_end *end;
	struct look *look;
	__s32 unread;

	if (!own)
		return 0;
	look = &own->after;
	end = &own->end;
	__builtin_memset(end, 0, sizeof(*end));
	end->kind = SOCKET_END;
	end->slot = slot;
	end->rmem_alloc = look->received[CHARGED];
	end->forward_deficit = look->received[DEFICIT];
	end->backlog = look->received[2];
	end->wmem_queued = look->sent[QUEUED];
	end->errors = look->received[7];
	end->unchanged = received_is_unchanged();
	tell_ring(sk);
	if (mode & TCP) {
		unread = (__u32)look->received[8] - (__u32)look->received[9];
		end->recv_q = unread > 0 ? unread : 0;
		end->send_q = (__u32)look->sent[1] - (__u32)look->sent[2];
		if (FIELD(sock, sk, __sk_common.skc_state) != TCP_LISTEN)
			tell_tcp(&end->tcp, sk);
	}
	for (__u32 list = 0; list < LISTS; list++)
		end_list(slot, list);
	bpf_ringbuf_output(&packets, end, sizeof(*end), BPF_RB_NO_WAKEUP);
	return 0;
}

/* Walks all queues of a socket; whether it is to be walked again, since they changed meanwhile. */
static __always_inline int walk_socket(__u64 sk, __u32 slot, __u32 attempts, __u32 locked)
{
	__u32 mode = mode_of(sk) | (locked ? LOCKED : 0);
	struct anew anew = { .kind = ANEW, .slot = slot };
	struct limits *limit = own_limits();

	if (!limit)
		return 0;
	learn_bias(sk);
	look_before(sk, mode);
	walk_queues(sk, slot, mode, limit->packets);
	look_after(sk, mode);
	if (judge(mode) && attempts + 1 < ATTEMPTS) {
		bpf_ringbuf_output(&packets, &anew, sizeof(anew), BPF_RB_NO_WAKEUP);
		return 1;
	}
	end_socket(sk, slot, mode);
	return 0;
}

#endif
