/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The kernel's tables of TCP, UDP, unix and packet sockets in every network namespace, gone along without their
 * locks. A step is one socket of one chain, or the way to the next chain or table; a program makes so many, and is
 * called again.
 */
#ifndef SKCHECK_TABLES_H
#define SKCHECK_TABLES_H

#include "kernel.h"
#include "loops.h"
#include "records.h"

/* A chain is not longer, or it is none. */
#define CHAIN_MOST 65536
/* How many steps are made at once: some milliseconds. */
#define STEPS 16384
/* No host has as many network namespaces. */
#define NAMESPACES 1000000
/* How many sockets are looked at for a table that belongs to all namespaces, which kernels before 6.2 have. */
#define TRIES 64
/* UNIX_HASH_SIZE */
#define UNIX_CHAINS 512
/* How often a chain is gone along that changed meanwhile. */
#define CHAIN_ATTEMPTS 3

#define LAST_TABLE PACKET_TABLE

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tables);
} tables SEC(".maps");

/* Tables that have been gone along: most namespaces share theirs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} gone_along SEC(".maps");

static __always_inline struct tables *own_tables(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tables, &zero);
}

/* Older kernels have tables of all namespaces, which a socket's protocol knows. */
static __always_inline void note_tables(struct sock *sk, __u64 address)
{
	struct tables *tables = own_tables();
	__u32 protocol = GET(sk, sk_protocol), family = GET(sk, __sk_common.skc_family), type = GET(sk, sk_type);
	__u64 proto;

	if (!tables || tables->tries >= TRIES || !HAS(sock_common, skc_prot) || !HAS(proto, h.hashinfo) ||
	    !HAS(proto, h.udp_table))
		return;
	if (family != AF_INET && family != AF_INET6)
		return;
	proto = (__u64)FIELD(sock_common, address, skc_prot);
	if (type == SOCK_STREAM && protocol == IPPROTO_TCP && !tables->tcp_of_all) {
		tables->tcp_of_all = (__u64)FIELD(proto, proto, h.hashinfo);
		tables->tries++;
	} else if (type == SOCK_DGRAM && protocol == IPPROTO_UDP && !tables->udp_of_all) {
		tables->udp_of_all = (__u64)FIELD(proto, proto, h.udp_table);
		tables->tries++;
	}
}

/* Where in a socket its place in a chain is. A kernel in which that is not known opens no such table. */
#define OFFSET_IF_ANY(field) (HAS(sock_common, field) ? bpf_core_field_offset(((struct sock_common *)0)->field) : 0)
#define NULLS_OFFSET OFFSET_IF_ANY(skc_nulls_node)
#define NODE_OFFSET OFFSET_IF_ANY(skc_node)

static __always_inline void open_tcp(struct tables *tables, __u64 info)
{
	if (!info || !HAS(inet_hashinfo, ehash) || !HAS(inet_hashinfo, ehash_mask) ||
	    !HAS(inet_ehash_bucket, chain.first) || !HAS(sock_common, skc_nulls_node) || !HAS(hlist_node, next))
		return;
	tables->chains = (__u64)FIELD(inet_hashinfo, info, ehash);
	tables->count = (__u64)FIELD(inet_hashinfo, info, ehash_mask) + 1;
	tables->size = bpf_core_type_size(struct inet_ehash_bucket);
	tables->nulls = 1;
}

static __always_inline void open_udp(struct tables *tables, __u64 table)
{
	if (!table || !HAS(udp_table, hash) || !HAS(udp_table, mask) || !HAS(udp_hslot, head) ||
	    !HAS(sock_common, skc_node) || !HAS(hlist_node, next))
		return;
	tables->chains = (__u64)FIELD(udp_table, table, hash);
	tables->count = (__u64)FIELD(udp_table, table, mask) + 1;
	tables->size = bpf_core_type_size(struct udp_hslot);
	tables->nulls = 0;
}

/* A table of so many chains that are nothing but heads. */
static __always_inline void open_heads(struct tables *tables, __u64 chains, __u64 count)
{
	if (!chains || !HAS(sock_common, skc_node) || !HAS(hlist_node, next))
		return;
	tables->chains = chains;
	tables->count = count;
	tables->size = sizeof(__u64);
	tables->nulls = 0;
}

/* Where a namespace has a table; 0 where that is not known. Each case is named: the compiler misses one that is not. */
static __always_inline __u64 table_at(struct tables *tables, enum table table)
{
	__u64 netns = tables->netns, at = 0;

	switch (table) {
	case TCP_TABLE:
		if (HAS(net, ipv4.tcp_death_row) && HAS(inet_timewait_death_row, hashinfo))
			at = (__u64)FIELD(inet_timewait_death_row, AT(net, netns, ipv4.tcp_death_row), hashinfo);
		return at ?: tables->tcp_of_all;
	case UDP_TABLE:
		at = (__u64)FIELD_IF_ANY(net, netns, ipv4.udp_table);
		return at ?: tables->udp_of_all;
	case UNIX_TABLE:
		return (__u64)FIELD_IF_ANY(net, netns, unx.table.buckets);
	case PACKET_TABLE:
		return HAS(net, packet) && HAS(netns_packet, sklist) ? AT(net, netns, packet.sklist) : 0;
	}
	return 0;
}

/* Opens the next table of this namespace that has not been gone along. */
static __always_inline void open_table(struct tables *tables, enum table table)
{
	__u64 at = table_at(tables, table);
	__u8 yes = 1;

	if (!at)
		return;
	/* Each namespace has its own of unix and packet sockets: these would take the room that the shared ones need. */
	if (table < UNIX_TABLE && bpf_map_update_elem(&gone_along, &at, &yes, BPF_NOEXIST) == -EEXIST)
		return;
	tables->chain = tables->attempts = tables->begun = 0;
	switch (table) {
	case TCP_TABLE:
		open_tcp(tables, at);
		break;
	case UDP_TABLE:
		open_udp(tables, at);
		break;
	case UNIX_TABLE:
		open_heads(tables, at, UNIX_CHAINS);
		break;
	case PACKET_TABLE:
		open_heads(tables, at, 1);
		break;
	}
}

/* Goes to the next namespace. Among them is the head of their list, which is none: a namespace is what its
 * loopback device is in. */
static __always_inline void next_namespace(struct tables *tables)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 device;

	if (!tables->first) {
		if (HAS(task_struct, nsproxy) && HAS(nsproxy, net_ns))
			tables->first = tables->netns = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
		tables->done = !tables->first;
	} else if (HAS(net, list)) {
		tables->netns = (__u64)FIELD(net, tables->netns, list.next) - bpf_core_field_offset(((struct net *)0)->list);
		tables->done = tables->netns == tables->first || tables->namespaces >= NAMESPACES;
	} else {
		tables->done = 1;
	}
	tables->namespaces++;
	tables->next_table = TCP_TABLE;
	if (tables->done || !HAS(net, loopback_dev) || !HAS(net_device, nd_net))
		return;
	device = (__u64)FIELD(net, tables->netns, loopback_dev);
	if (!device || (__u64)FIELD(net_device, device, nd_net.net) != tables->netns)
		tables->next_table = LAST_TABLE << 1;
}

/* Goes to the next chain, or once more along the one that ends here: one that ends with another's number was left
 * for that on the way. */
static __always_inline void end_chain(struct tables *tables, __u64 node)
{
	if (!tables->nulls || node >> 1 == tables->chain || ++tables->attempts >= CHAIN_ATTEMPTS) {
		tables->attempts = 0;
		tables->chain++;
	}
	tables->begun = 0;
	if (tables->chain >= tables->count)
		tables->chains = 0;
}

/* Goes on to the next socket of a chain. */
static __always_inline void go_along(struct tables *tables)
{
	__u64 node = tables->node, offset;

	if (!tables->begun) {
		bpf_probe_read_kernel(&node, sizeof(node), (void *)(tables->chains + tables->chain * tables->size));
		tables->begun = 1;
		tables->length = 0;
	}
	if (!node || node & 1 || tables->length++ >= CHAIN_MOST) {
		end_chain(tables, node);
		return;
	}
	tables->node = node;
	offset = tables->nulls ? NULLS_OFFSET : NODE_OFFSET;
	if (walk_listed(node - offset)) {
		tables->again = 1;
		return;
	}
	/* Both kinds of nodes begin with the next one. */
	tables->node = (__u64)FIELD(hlist_node, node, next);
}

STEP int step(void)
{
	struct tables *tables = own_tables();
	__u64 table;

	if (!tables || tables->done)
		return 1;
	if (tables->chains) {
		tables->again = 0;
		go_along(tables);
		return tables->again != 0;
	}
	table = tables->next_table;
	if (table < TCP_TABLE || table > LAST_TABLE) {
		next_namespace(tables);
		return 0;
	}
	tables->next_table = table << 1;
	if (tables->wanted & table)
		open_table(tables, table);
	return 0;
}
SHORT_LOOP(make_steps, step, STEPS, 1024)

#endif
