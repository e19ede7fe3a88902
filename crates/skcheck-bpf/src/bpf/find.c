/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One pass over every descriptor of every process: counts the sockets of each network namespace, and
 * hands out those that hold something, filtered here so that only matches leave the kernel.
 */
#include "loops.h"
#include "tcp.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define NSFS_MAGIC 0x6e736673
#define NAME_MAX 108

/* Whether TCP sockets that are only bound are in the tables of this kernel (since 6.8). */
volatile const __u32 bound_is_listed = 1;
#define WALK_MAX 65536
/* What every kernel tells. */
#define ALWAYS (RMEM_ALLOC | WMEM_ALLOC | WMEM_QUEUED | BACKLOG_LENGTH)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct question);
} question SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} found SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct tally);
} tallies SEC(".maps");

/* Sockets whose file has several references, so that they may be met again, each with the last pass that has met it:
 * nothing need be emptied between two passes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} met SEC(".maps");

/* Inodes whose holders are asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} wanted SEC(".maps");

/* How many sockets there are of each protocol without a table, each once, by the protocol's name. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct protocol_name);
	__type(value, __u64);
} apart SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} counts SEC(".maps");

/* A thread's id as the caller's pid namespace numbers it. */
static __always_inline __u32 tid_of(struct task_struct *task)
{
	struct task_struct *self = (struct task_struct *)bpf_get_current_task();
	__u32 level = BPF_CORE_READ(self, group_leader, thread_pid, level);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 nr = 0;
	__u64 at = AT(pid, pid, numbers) + (__u64)level * bpf_core_type_size(struct upid) +
		   bpf_core_field_offset(((struct upid *)0)->nr);
	bpf_probe_read_kernel(&nr, sizeof(nr), (void *)at);
	return nr;
}

/* The same of a process. */
static __always_inline __u32 pid_of(struct task_struct *task)
{
	return tid_of(BPF_CORE_READ(task, group_leader));
}

/* Whether this is a thread with a table of its own, while the process's main thread has the process's. Of a
 * main thread that has ended the others go on with its table. */
static __always_inline bool has_own_table(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	return leader != task && leader->files;
}

/* Whether only this descriptor refers to the file: its reference, and the iterator's own. Threads that share a
 * table show it several times all the same, unless it is that of their main thread. */
static __always_inline bool is_alone(struct file *file)
{
	struct file___ref *newer = (void *)file;
	struct file___count *older = (void *)file;

	if (bpf_core_field_exists(newer->f_ref.refcnt.counter))
		return newer->f_ref.refcnt.counter <= 1;
	if (bpf_core_field_exists(older->f_count.counter))
		return older->f_count.counter <= 2;
	return false;
}

struct sum {
	__u64 next, end, before, payload, truesize;
	__u32 packets, stream, most, unused;
};

/* The queue that is being added up. */
struct sum sum_at;

STEP int add_packet(void)
{
	struct sum *sum = &sum_at;
	struct unix_skb_parms *parms;
	__u32 length, consumed;

	if (!sum->next || sum->next == sum->end)
		return 1;
	/* What leaves a queue points nowhere, or into another one. */
	if (sum->packets >= sum->most || (__u64)FIELD(sk_buff, sum->next, prev) != sum->before) {
		sum->next = 0;
		return 1;
	}
	length = FIELD(sk_buff, sum->next, len);
	if (sum->stream) {
		parms = (void *)AT(sk_buff, sum->next, cb);
		consumed = FIELD_IF_ANY(unix_skb_parms, parms, consumed);
		length = length > consumed ? length - consumed : 0;
	}
	sum->payload += length;
	sum->truesize += FIELD(sk_buff, sum->next, truesize);
	sum->packets++;
	sum->before = sum->next;
	sum->next = (__u64)FIELD(sk_buff, sum->next, next);
	return 0;
}
LOOP(add_packets, add_packet, WALK_MAX, 256)

/* What can be seen of a queue without going along it. The address of a packet can be that of another one later. */
struct ends { __u64 first, last, first_head, last_head; __u32 length, consumed; };

static __always_inline void look_at_ends(struct sock *sk, bool stream, struct ends *ends)
{
	__builtin_memset(ends, 0, sizeof(*ends));
	ends->first = (__u64)BPF_CORE_READ(sk, sk_receive_queue.next);
	ends->last = (__u64)BPF_CORE_READ(sk, sk_receive_queue.prev);
	ends->length = BPF_CORE_READ(sk, sk_receive_queue.qlen);
	if (ends->first == AT(sock, sk, sk_receive_queue))
		return;
	ends->first_head = (__u64)FIELD(sk_buff, ends->first, head);
	ends->last_head = (__u64)FIELD(sk_buff, ends->last, head);
	if (stream)
		ends->consumed = FIELD_IF_ANY(unix_skb_parms, AT(sk_buff, ends->first, cb), consumed);
}

/* Adds up a unix socket's receive queue, which is not locked: it must be the same before and after. */
static __always_inline void add_queue(struct sock *sk, struct found *record)
{
	struct sum *sum = &sum_at;
	struct ends before, after;

	__builtin_memset(sum, 0, sizeof(*sum));
	sum->stream = record->socket_type != SOCK_DGRAM;
	look_at_ends(sk, sum->stream, &before);
	sum->end = sum->before = AT(sock, sk, sk_receive_queue);
	sum->next = before.first;
	sum->most = before.length;
	add_packets();
	look_at_ends(sk, sum->stream, &after);
	if (sum->next != sum->end || sum->packets != before.length || __builtin_memcmp(&before, &after, sizeof(before)) ||
	    (sum->stream && !HAS(unix_skb_parms, consumed)))
		record->flags |= CUT_SHORT;
	record->payload = sum->payload;
	record->truesize = sum->truesize;
	record->packets = sum->packets;
	record->recv_q = sum->payload;
	if (record->socket_type == SOCK_DGRAM)
		record->recv_q = before.first == sum->end ? 0 : FIELD(sk_buff, before.first, len);
}

static __always_inline void tell_drops(struct sock *sk, struct found *record)
{
	struct sock___drops *newer = (void *)sk;
	struct numa_drop_counters *counters = 0;

	if (bpf_core_field_exists(newer->sk_drop_counters)) {
		counters = BPF_CORE_READ(newer, sk_drop_counters);
		if (counters && HAS(numa_drop_counters, drops0) && HAS(numa_drop_counters, drops1)) {
			record->drops = BPF_CORE_READ(counters, drops0.counter) + BPF_CORE_READ(counters, drops1.counter);
			record->known |= DROPS;
		}
	}
	if (!counters && bpf_core_field_exists(sk->sk_drops)) {
		record->drops = BPF_CORE_READ(sk, sk_drops.counter);
		record->known |= DROPS;
	}
}

/* References that packets in flight hold on a socket, and one of its own. */
static __always_inline __u32 wmem_of(struct sock *sk)
{
	struct sock___wmem *newest = (void *)sk;

	if (bpf_core_field_exists(((struct sock *)0)->sk_wmem_alloc.refs))
		return GET(sk, sk_wmem_alloc.refs.counter) - 1;
	return GET(newest, sk_wmem_alloc.counter) - 1;
}

static __always_inline __s32 forward_of(struct sock *sk)
{
	return bpf_core_field_exists(sk->sk_forward_alloc) ? GET(sk, sk_forward_alloc) : 0;
}

static __always_inline void describe_unix(struct sock *sk, struct found *record)
{
	struct unix_sock *self = (void *)sk;
	struct unix_address *address = 0;
	struct sock *peer;

	if (bpf_core_field_exists(self->peer) && HAS(sock, sk_socket) && HAS(socket, file)) {
		peer = BPF_CORE_READ(self, peer);
		if (peer)
			record->peer_inode = BPF_CORE_READ(peer, sk_socket, file, f_inode, i_ino);
		record->known |= PEER;
	}
	if (bpf_core_field_exists(self->addr) && bpf_core_field_exists(address->len) &&
	    bpf_core_field_exists(address->name) && HAS(sockaddr_un, sun_path)) {
		address = BPF_CORE_READ(self, addr);
		record->known |= LOCAL;
	}
	if (address) {
		/* The length covers the two bytes of the family too. */
		__u32 length = BPF_CORE_READ(address, len) - 2;

		if (length && length <= NAME_MAX) {
			record->name_length = length;
			record->flags |= NAMED;
			/* The verifier of older kernels loses sight of the bound above. */
			barrier_var(length);
			bpf_probe_read_kernel(record->name, length & (sizeof(record->name) - 1),
					      (void *)AT(unix_address, address, name[0].sun_path));
		}
	}
	if (record->state == TCP_LISTEN)
		return;
	add_queue(sk, record);
}

/* Whether a TCP socket has a port. Where that cannot be told, it is taken to be in a table: those that are not
 * are met as such by the others. */
static __always_inline bool is_bound(struct sock *sk)
{
	struct inet_connection_sock *connection = (void *)sk;

	return !bpf_core_field_exists(connection->icsk_bind_hash) || BPF_CORE_READ(connection, icsk_bind_hash);
}

/* The cgroup that a socket was made in (sock_cgroup_ptr); 0 where that cannot be told. */
static __always_inline __u64 cgroup_of(struct sock *sk)
{
	__u64 cgroup;

	if (!HAS(sock, sk_cgrp_data) || !HAS(cgroup, kn) || !HAS(kernfs_node, id))
		return 0;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	if (!HAS(sock_cgroup_data___val, val))
		return 0;
	cgroup = FIELD(sock_cgroup_data___val, AT(sock, sk, sk_cgrp_data), val);
	return cgroup && !(cgroup & 3) ? FIELD(cgroup, cgroup, kn, id) : ROOT_CGROUP;
}

static __always_inline void describe_inet(struct sock *sk, struct found *record)
{
	struct inet_sock *inet = (void *)sk;

	record->cgroup = cgroup_of(sk);
	if (bpf_core_field_exists(inet->inet_sport)) {
		record->local_port = BPF_CORE_READ(inet, inet_sport);
		record->known |= LOCAL;
	}
	if (HAS(sock_common, skc_dport)) {
		record->peer_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
		record->known |= PEER;
	}
	if (record->family == AF_INET6) {
		if (HAS(sock_common, skc_v6_rcv_saddr.in6_u.u6_addr8))
			BPF_CORE_READ_INTO(&record->local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		else
			record->known &= ~LOCAL;
		if (HAS(sock_common, skc_v6_daddr.in6_u.u6_addr8))
			BPF_CORE_READ_INTO(&record->peer, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		else
			record->known &= ~PEER;
	} else {
		if (HAS(sock_common, skc_rcv_saddr))
			BPF_CORE_READ_INTO((__u32 *)record->local, sk, __sk_common.skc_rcv_saddr);
		else
			record->known &= ~LOCAL;
		if (HAS(sock_common, skc_daddr))
			BPF_CORE_READ_INTO((__u32 *)record->peer, sk, __sk_common.skc_daddr);
		else
			record->known &= ~PEER;
	}
	if (record->protocol == IPPROTO_TCP && record->socket_type == SOCK_STREAM) {
		if (record->state != TCP_LISTEN)
			tell_tcp(&record->tcp, (__u64)sk);
		if (bound_is_listed)
			record->flags |= BOUND_LISTED;
		if (is_bound(sk))
			record->flags |= BOUND;
	}
}

/* What the filter compares. */
struct queues { __u32 recv_q, send_q; bool holds; };

/* Each line of memory that is touched here is touched for every socket of the host. */
static __always_inline void queues_of_tcp(struct sock *sk, __u32 state, struct queues *queues)
{
	struct tcp_sock *tcp;
	__s32 unread;

	if (state == TCP_LISTEN) {
		queues->recv_q = GET(sk, sk_ack_backlog);
		if (bpf_core_field_exists(sk->sk_max_ack_backlog))
			queues->send_q = GET(sk, sk_max_ack_backlog);
		queues->holds = queues->recv_q > 0;
		return;
	}
	tcp = TCP_SOCK_OF(sk);
	if (!tcp)
		return;
	unread = GET(tcp, rcv_nxt) - GET(tcp, copied_seq);
	queues->recv_q = unread > 0 ? unread : 0;
	/* The end of the stream has a sequence number too. Of a socket that no table knows Recv-Q is what can
	 * be read (tcp_inq), of the others what the tables say. */
	if (queues->recv_q && state == TCP_CLOSE && bpf_core_field_exists(sk->__sk_common.skc_flags) &&
	    bpf_core_enum_value_exists(enum sock_flags, SOCK_DONE) && !is_bound(sk) &&
	    GET(sk, __sk_common.skc_flags) & (1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE)))
		queues->recv_q--;
	/* What is not acknowledged is in a queue, unless the queues were emptied when it was closed. */
	if (GET(sk, sk_wmem_queued) || state == TCP_CLOSE)
		queues->send_q = GET(tcp, write_seq) - GET(tcp, snd_una);
	queues->holds = queues->recv_q || queues->send_q || GET(sk, sk_backlog.rmem_alloc.counter) ||
			GET(sk, sk_backlog.len) || GET(sk, sk_wmem_queued);
}

static __always_inline void queues_of_udp(struct sock *sk, struct queues *queues)
{
	queues->recv_q = GET(sk, sk_backlog.rmem_alloc.counter) - FIELD_IF_ANY(udp_sock, sk, forward_deficit);
	queues->send_q = wmem_of(sk);
	queues->holds = queues->recv_q || queues->send_q || GET(sk, sk_backlog.rmem_alloc.counter) ||
			GET(sk, sk_backlog.len) || GET(sk, sk_wmem_queued);
}

static __always_inline bool is_ping(__u32 family, __u32 type, __u32 protocol)
{
	return type == SOCK_DGRAM && protocol == (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static __always_inline void queues_of_ping(struct sock *sk, struct queues *queues)
{
	queues->recv_q = GET(sk, sk_backlog.rmem_alloc.counter);
	queues->send_q = wmem_of(sk);
	queues->holds = queues->recv_q || queues->send_q || GET(sk, sk_backlog.len);
}

/* A listener's queue is known by its length, any other's only by adding it up: for the filter all that
 * hold anything match. */
static __always_inline void queues_of_unix(struct sock *sk, struct queues *queues)
{
	if (GET(sk, __sk_common.skc_state) == TCP_LISTEN) {
		queues->recv_q = GET(sk, sk_receive_queue.qlen);
		if (bpf_core_field_exists(sk->sk_max_ack_backlog))
			queues->send_q = GET(sk, sk_max_ack_backlog);
		queues->holds = queues->recv_q > 0;
		return;
	}
	queues->send_q = wmem_of(sk);
	queues->holds = queues->send_q || GET(sk, sk_receive_queue.qlen);
}

#define TELL_OF(address, place, bit, field)                    \
	do {                                                   \
		if (bpf_core_field_exists((address)->field)) { \
			record->place = GET(address, field);   \
			record->known |= bit;                  \
		}                                              \
	} while (0)

/* What every socket has, where the kernel tells it. */
static __always_inline void describe(struct sock *sk, struct inode *inode, struct found *record)
{
	TELL_OF(inode, uid, UID, i_uid.val);
	TELL_OF(sk, shutdown, SHUTDOWN, sk_shutdown);
	TELL_OF(sk, interface, 0, __sk_common.skc_bound_dev_if);
	TELL_OF(sk, rcvbuf, RCVBUF, sk_rcvbuf);
	TELL_OF(sk, sndbuf, SNDBUF, sk_sndbuf);
	TELL_OF(sk, fwd_alloc, FWD_ALLOC, sk_forward_alloc);
	TELL_OF(sk, optmem, OPTMEM, sk_omem_alloc.counter);
	tell_drops(sk, record);
}

/* Whose descriptor a descriptor is. */
struct holder { __u32 pid, tid, fd; };

static __always_inline struct holder holder_of(struct task_struct *task, __u32 fd)
{
	return (struct holder){ .pid = pid_of(task), .tid = has_own_table(task) ? tid_of(task) : 0, .fd = fd };
}

static __always_inline void name_holder(struct found *record, struct holder holder)
{
	record->pid = holder.pid;
	record->tid = holder.tid;
	record->fd = holder.fd;
}

static __always_inline int emit(struct holder holder, __u32 kind, __u64 inode, __u32 flags)
{
	struct found *record = bpf_ringbuf_reserve(&found, sizeof(*record), 0);

	if (!record)
		return 1;
	__builtin_memset(record, 0, sizeof(*record));
	record->kind = kind;
	record->flags = flags;
	name_holder(record, holder);
	record->inode = inode;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline void add_to_tally(struct counts *counted)
{
	struct tally *tally, none = { .pass = counted->pass };
	__u32 netns = counted->netns;

	if (!counted->sum.sockets)
		return;
	bpf_map_update_elem(&tallies, &netns, &none, BPF_NOEXIST);
	tally = bpf_map_lookup_elem(&tallies, &netns);
	if (tally) {
		if (tally->pass != counted->pass)
			*tally = none;
		tally->sockets += counted->sum.sockets;
		tally->tcp_memory += counted->sum.tcp_memory;
	} else {
		counted->uncounted += counted->sum.sockets;
	}
	counted->sum.sockets = counted->sum.tcp_memory = 0;
}

/* Counts a socket of a protocol that has no table. One without a name is counted under none. */
static __always_inline void add_apart(struct sock *sk, struct counts *counted)
{
	struct protocol_name name = {};
	__u64 *sockets, none = 0;

	if (HAS(sock, sk_prot_creator) && HAS(proto, name))
		BPF_CORE_READ_STR_INTO(&name.text, sk, sk_prot_creator, name);
	bpf_map_update_elem(&apart, &name, &none, BPF_NOEXIST);
	sockets = bpf_map_lookup_elem(&apart, &name);
	if (sockets)
		*sockets += 1;
	else
		counted->uncounted++;
}

/* What a socket is, and what the filter compares. */
struct subject {
	__u32 netns, family, type, protocol, state;
	struct queues queues;
	bool is_tcp, has_table;
};

static __always_inline bool is_inet(struct subject *subject)
{
	return subject->family == AF_INET || subject->family == AF_INET6;
}

/* Most sockets are idle, and each line of memory that is touched counts: what is received and what is sent is
 * charged to an inet socket, so without a charge its queues are empty, whatever it speaks. */
static __always_inline bool is_uncharged(struct sock *sk, struct subject *subject)
{
	return is_inet(subject) && subject->state != TCP_LISTEN && !GET(sk, sk_backlog.rmem_alloc.counter) &&
	       !GET(sk, sk_backlog.len) && !GET(sk, sk_wmem_queued) && !wmem_of(sk) && !forward_of(sk);
}

/* Looks at an inet socket's queues. Whether its protocol, family and sizes are asked for. */
static __always_inline bool matches_inet(struct sock *sk, struct question *asked, struct subject *subject)
{
	__u32 type = subject->type, protocol = subject->protocol;
	struct queues *queues = &subject->queues;
	bool matches = false;

	if (protocol == IPPROTO_TCP && type == SOCK_STREAM) {
		subject->is_tcp = true;
		queues_of_tcp(sk, subject->state, queues);
		matches = asked->families & WANT_TCP;
	} else if ((protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE) && type == SOCK_DGRAM) {
		queues_of_udp(sk, queues);
		matches = asked->families & WANT_UDP;
	} else if (is_ping(subject->family, type, protocol)) {
		queues_of_ping(sk, queues);
		matches = asked->families & WANT_PING;
	} else {
		subject->has_table = type == SOCK_RAW || protocol == IPPROTO_MPTCP;
	}
	/* A listener's counts are no sizes. */
	if (subject->state == TCP_LISTEN && (asked->min_recvq || asked->min_sendq))
		return false;
	return matches && asked->families & (subject->family == AF_INET ? WANT_INET : WANT_INET6) &&
	       queues->recv_q >= asked->min_recvq && queues->send_q >= asked->min_sendq;
}

/* Looks at a socket's queues. Whether it is asked for. */
static __always_inline bool matches(struct task_struct *task, struct sock *sk, struct question *asked,
				    struct subject *subject)
{
	bool matches = false;

	subject->type = GET(sk, sk_type);
	subject->protocol = GET(sk, sk_protocol);
	if (is_inet(subject)) {
		matches = matches_inet(sk, asked, subject);
	} else if (subject->family == AF_UNIX) {
		queues_of_unix(sk, &subject->queues);
		matches = asked->families & WANT_UNIX;
	} else {
		subject->has_table = subject->family == AF_PACKET || subject->family == AF_NETLINK;
	}
	matches = matches && (subject->queues.holds || asked->families & WANT_IDLE);
	if (matches && asked->pid)
		matches = pid_of(task) == asked->pid;
	return matches;
}

/* Hands out a socket; whether there was room for it. */
static __always_inline bool hand_out(struct task_struct *task, __u32 fd, struct inode *inode, struct sock *sk,
				     struct subject *subject)
{
	struct found *record = bpf_ringbuf_reserve(&found, sizeof(*record), 0);

	if (!record)
		return false;
	__builtin_memset(record, 0, sizeof(*record));
	record->kind = SOCKET;
	name_holder(record, holder_of(task, fd));
	record->netns = subject->netns;
	record->inode = inode->i_ino;
	record->cookie = COOKIE_OF(sk);
	record->family = subject->family;
	record->socket_type = subject->type;
	record->protocol = subject->protocol;
	record->state = subject->state;
	record->recv_q = subject->queues.recv_q;
	record->send_q = subject->queues.send_q;
	record->rmem_alloc = GET(sk, sk_backlog.rmem_alloc.counter);
	record->wmem_alloc = wmem_of(sk);
	record->wmem_queued = GET(sk, sk_wmem_queued);
	record->backlog = GET(sk, sk_backlog.len);
	record->known = ALWAYS;
	describe(sk, inode, record);
	if (subject->family == AF_UNIX)
		describe_unix(sk, record);
	else
		describe_inet(sk, record);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return true;
}

/* Whether a descriptor is the first that is met of its socket, as far as that can be told. */
static __always_inline bool is_first(struct task_struct *task, struct file *file, struct sock *sk, struct counts *counted)
{
	__u64 key = (__u64)sk, pass = counted->pass, *last;

	if (is_alone(file) && task->group_leader == task)
		return true;
	last = bpf_map_lookup_elem(&met, &key);
	if (last) {
		if (*last == pass)
			return false;
		*last = pass;
		return true;
	}
	if (bpf_map_update_elem(&met, &key, &pass, BPF_NOEXIST)) {
		counted->uncounted++;
		return false;
	}
	counted->new_shared++;
	return true;
}

/* Counts a socket, once. */
static __always_inline void count(struct task_struct *task, struct sock *sk, struct question *asked,
				  struct subject *subject, struct counts *counted)
{
	/* Descriptors of one process are mostly of one namespace: its sums go to its tally when another comes. */
	if (counted->netns != subject->netns) {
		add_to_tally(counted);
		counted->netns = subject->netns;
	}
	counted->sum.sockets++;
	if (!subject->has_table && (!asked->pid || pid_of(task) == asked->pid))
		add_apart(sk, counted);
	if (subject->is_tcp && subject->state != TCP_CLOSE)
		counted->sum.tcp_memory += (__s64)GET(sk, sk_backlog.rmem_alloc.counter) + GET(sk, sk_wmem_queued) +
					   forward_of(sk);
}

SEC("iter/task_file")
int find(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct subject subject = { .has_table = true };
	struct question *asked;
	struct counts *counted;
	struct socket *sock;
	struct net *net;
	struct sock *sk;
	__u32 zero = 0;

	if (!file || !task)
		return 0;
	asked = bpf_map_lookup_elem(&question, &zero);
	counted = bpf_map_lookup_elem(&counts, &zero);
	if (!asked || !counted)
		return 0;
	sock = socket_of(file);
	if (!sock) {
		if (file->f_inode->i_sb->s_magic == NSFS_MAGIC)
			return emit(holder_of(task, ctx->fd), NAMESPACE_FILE, file->f_inode->i_ino, 0);
		return 0;
	}
	sk = GET(sock, sk);
	if (!sk)
		return 0;
	net = GET(sk, __sk_common.skc_net.net);
	subject.netns = GET(net, ns.inum);
	subject.family = GET(sk, __sk_common.skc_family);
	subject.state = GET(sk, __sk_common.skc_state);
	if ((asked->families & WANT_IDLE || !is_uncharged(sk, &subject)) && matches(task, sk, asked, &subject) &&
	    !hand_out(task, ctx->fd, file->f_inode, sk, &subject))
		return 1;
	/* Only now: a visit that found no room above is repeated. */
	counted->descriptors++;
	if (is_first(task, file, sk, counted))
		count(task, sk, asked, &subject, counted);
	return 0;
}

/* A walk of the messages that wait at a unix socket: which message, and which of its descriptors is next. */
struct flight {
	__u64 next, end;
	struct holder holder;
	__u32 at, no_room, unused;
};

/* The messages that are being looked at. */
struct flight flight_at;

STEP int look_at_flight(void)
{
	struct flight *flight = &flight_at;
	struct unix_skb_parms *parms;
	struct scm_fp_list *list;
	struct file *file;
	__u64 inode;

	if (!flight->next || flight->next == flight->end)
		return 1;
	parms = (void *)AT(sk_buff, flight->next, cb);
	list = BPF_CORE_READ(parms, fp);
	if (!list || flight->at >= (__u32)BPF_CORE_READ(list, count)) {
		flight->next = (__u64)FIELD(sk_buff, flight->next, next);
		flight->at = 0;
		return 0;
	}
	bpf_probe_read_kernel(&file, sizeof(file),
			      (void *)(AT(scm_fp_list, list, fp) + (__u64)flight->at * sizeof(file)));
	flight->at++;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return 0;
	inode = BPF_CORE_READ(file, f_inode, i_ino);
	if (bpf_map_lookup_elem(&wanted, &inode) &&
	    emit(flight->holder, HOLDER, inode, IN_FLIGHT))
		flight->no_room = 1;
	return flight->no_room != 0;
}
LOOP(look_at_all_flights, look_at_flight, WALK_MAX, 256)

/* Whether any message that waits at a unix socket can have descriptors with it. */
static __always_inline bool has_flights(struct sock *sk)
{
	struct unix_sock *self = (void *)sk;

	if (!HAS(unix_skb_parms, fp) || !HAS(scm_fp_list, count) || !HAS(scm_fp_list, fp))
		return false;
	return !bpf_core_field_exists(self->scm_stat.nr_fds.counter) || BPF_CORE_READ(self, scm_stat.nr_fds.counter);
}

/* The messages that wait at a unix socket, not locked. What comes or goes meanwhile may be missed. */
static __always_inline bool look_at_flights(struct sock *sk)
{
	if (!has_flights(sk))
		return true;
	flight_at.at = flight_at.no_room = 0;
	flight_at.end = AT(sock, sk, sk_receive_queue);
	flight_at.next = (__u64)BPF_CORE_READ(sk, sk_receive_queue.next);
	look_at_all_flights();
	return !flight_at.no_room;
}

/* Those who wait at a unix listener. */
struct queue { __u64 next, end; __u32 no_room, unused; };

/* The listener that is being looked at. */
struct queue queue_at;

STEP int look_at_waiting(void)
{
	struct queue *queue = &queue_at;

	if (!queue->next || queue->next == queue->end)
		return 1;
	queue->no_room = !look_at_flights(FIELD(sk_buff, queue->next, sk));
	queue->next = (__u64)FIELD(sk_buff, queue->next, next);
	return queue->no_room != 0;
}
LOOP(look_at_all_waiting, look_at_waiting, WALK_MAX, 256)

/* Who holds the inodes that are asked for, and in whose messages they wait. */
SEC("iter/task_file")
int holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *sock;
	struct sock *sk;
	bool is_listener;
	__u64 inode;

	if (!file || !task)
		return 0;
	sock = socket_of(file);
	if (!sock)
		return 0;
	inode = file->f_inode->i_ino;
	if (bpf_map_lookup_elem(&wanted, &inode) && emit(holder_of(task, ctx->fd), HOLDER, inode, 0))
		return 1;
	sk = GET(sock, sk);
	if (!sk || GET(sk, __sk_common.skc_family) != AF_UNIX)
		return 0;
	is_listener = GET(sk, __sk_common.skc_state) == TCP_LISTEN;
	if (is_listener ? !HAS(sk_buff, sk) : !has_flights(sk))
		return 0;
	flight_at.holder = holder_of(task, ctx->fd);
	if (!is_listener)
		return !look_at_flights(sk);
	queue_at.no_room = 0;
	queue_at.end = AT(sock, sk, sk_receive_queue);
	queue_at.next = (__u64)BPF_CORE_READ(sk, sk_receive_queue.next);
	look_at_all_waiting();
	return queue_at.no_room != 0;
}
