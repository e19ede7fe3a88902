/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Walks the queues of the sockets that are asked for, packet by packet, and hands out what each packet
 * consists of. No socket is locked, unless that is asked for, and nothing here can sleep or fault: queues change
 * under the walk, which therefore proves itself (queues.h, socket.h). What could not is walked again, a few
 * times, and then said to have changed.
 */
#include "socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Walks the socket with this key, if it is to be walked. Whether the program is to come back to it: there is
 * no room now, or it changed under the walk. */
__noinline int walk_wanted(__u64 sk, __u64 key, __u32 locked)
{
	struct limits *limit = own_limits();
	struct target *target;

	if (!key || !sk || !limit)
		return 0;
	target = bpf_map_lookup_elem(&targets, &key);
	if (!target || (limit->deadline && bpf_ktime_get_ns() > limit->deadline))
		return 0;
	if (bpf_ringbuf_query(&packets, BPF_RB_AVAIL_DATA) > limit->room)
		return 1;
	if (walk_socket(sk, target->slot, target->attempts, locked)) {
		target->attempts++;
		return 1;
	}
	bpf_map_delete_elem(&targets, &key);
	return 0;
}

/* The same of a socket that may be in a table only by half: connections that are none yet, or no more. */
static __always_inline int walk_listed(__u64 sk)
{
	__u32 state = FIELD(sock_common, sk, skc_state);

	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return 0;
	return walk_wanted(sk, FIELD(sock_common, sk, skc_cookie.counter), 0);
}

/* What a program or a callback answers, where the compiler knows that it is 0 or 1, and the verifier does not. */
static __always_inline int as_answer(int again)
{
	barrier_var(again);
	return again != 0;
}

#include "tables.h"

struct accepting { __u64 next; __u32 again, unused; };

/* The TCP listener whose connections are being walked. */
struct accepting accepting_at;

STEP int visit_accepting(void)
{
	struct accepting *accepting = &accepting_at;
	__u64 child;

	if (!accepting->next)
		return 1;
	child = (__u64)FIELD(request_sock, accepting->next, sk);
	if (child)
		accepting->again = walk_listed(child);
	accepting->next = (__u64)FIELD(request_sock, accepting->next, dl_next);
	return as_answer(accepting->again);
}
SHORT_LOOP(visit_all_accepting, visit_accepting, WAITING, 1024)

/* Walks those who wait at a TCP listener for being accepted. */
static __always_inline int walk_accepting(__u64 sk)
{
	if (!HAS(inet_connection_sock, icsk_accept_queue.rskq_accept_head) || !HAS(request_sock, sk) ||
	    !HAS(request_sock, dl_next) || !FIELD(sock, sk, sk_ack_backlog))
		return 0;
	accepting_at.again = 0;
	accepting_at.next = (__u64)FIELD(inet_connection_sock, sk, icsk_accept_queue.rskq_accept_head);
	visit_all_accepting();
	return accepting_at.again;
}

/* Sockets that descriptors refer to, and those that wait to be accepted by one of these. */
SEC("iter/task_file")
int walk_files(struct bpf_iter__task_file *ctx)
{
	struct limits *limit = own_limits();
	struct file *file = ctx->file;
	struct socket *sock;
	__u64 address = 0;
	struct sock *sk;

	if (!file || !ctx->task || !limit)
		return 0;
	sock = socket_of(file);
	if (!sock)
		return 0;
	sk = GET(sock, sk);
	if (!sk)
		return 0;
	/* As a number: pointers of the context may not be passed on. */
	bpf_probe_read_kernel(&address, sizeof(address), &sock->sk);
	if (walk_wanted(address, GET(sk, __sk_common.skc_cookie.counter), 0))
		return 1;
	/* A subflow has the inode of its MPTCP socket, which has queues of another kind. */
	if (limit->by_inode && GET(sk, sk_protocol) != IPPROTO_MPTCP &&
	    walk_wanted(address, BY_INODE | file->f_inode->i_ino, 0))
		return 1;
	note_tables(sk, address);
	if (GET(sk, __sk_common.skc_state) == TCP_LISTEN && mode_of(address) == TCP)
		return as_answer(walk_accepting(address));
	return 0;
}

/* Sockets in the kernel's tables, which no descriptor need refer to. The iterator is only what calls: all is done
 * at the first of its objects. */
SEC("iter/bpf_map")
int walk_tables(struct bpf_iter__bpf_map *ctx)
{
	struct tables *tables = own_tables();

	if (!ctx->map || !tables || tables->done)
		return 0;
	make_steps();
	return !tables->done;
}

#ifndef EARLY
/* TCP sockets of one namespace, each locked while it is walked. */
SEC("iter/tcp")
int walk_locked(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	__u64 address = 0;
	__u32 state;
	int again;

	if (!common)
		return 0;
	state = common->skc_state;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return 0;
	bpf_probe_read_kernel(&address, sizeof(address), &ctx->sk_common);
	again = walk_wanted(address, common->skc_cookie.counter, 1);
	return as_answer(again);
}
#endif
