/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The parts of kernel structures that the programs read. Offsets come from the running kernel's BTF
 * when the programs are loaded (CO-RE), so only names and types matter here; a field that has
 * moved or been renamed has a flavour of its own behind three underscores.
 *
 * A program that reads a field which the kernel has not is refused. So only what makes an answer what it is
 * is read unconditionally, and is essential:
 *  - what leads to a socket, and tells sockets apart: file.f_inode, inode.i_ino, inode.i_sb and its s_magic,
 *    file.private_data, socket.sk, sock_common.skc_family, skc_state, skc_net, skc_cookie, sock.sk_type, sk_protocol, and
 *    ns_common.inum;
 *  - what leads to a process: task_struct.group_leader, thread_pid, files, and pid.level, numbers, upid.nr;
 *  - what a filter compares: sock.sk_backlog, sk_wmem_queued, sk_wmem_alloc, sk_ack_backlog, sk_receive_queue,
 *    tcp_sock.rcv_nxt, copied_seq, write_seq, snd_una;
 *  - what a walk goes along: sk_buff_head.next, prev, qlen, sk_buff.next, prev, len, head, end, truesize, cb.
 * All other fields only refine an answer and stand behind bpf_core_field_exists; what is not there is told as
 * not known, or its queue as not walked. tests.rs takes each field away and loads what is left.
 */
#ifndef SKCHECK_KERNEL_H
#define SKCHECK_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { int counter; } atomic_t;
typedef struct { __s64 counter; } atomic64_t;
typedef struct { atomic_t refs; } refcount_t;
typedef struct { __u32 val; } kuid_t;

struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next; };
struct hlist_nulls_node { struct hlist_nulls_node *next; };
struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };
struct rb_root { struct rb_node *rb_node; };

/* Processes and files. */
struct upid { int nr; };
struct pid { unsigned int level; struct upid numbers[1]; };
struct files_struct;
struct nsproxy { struct net *net_ns; };
struct task_struct {
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct files_struct *files;
	struct nsproxy *nsproxy;
};
struct super_block { unsigned long s_magic; };
struct inode { struct super_block *i_sb; unsigned long i_ino; kuid_t i_uid; };
struct file { struct inode *f_inode; void *private_data; };
struct file___count { atomic64_t f_count; };     /* before 6.13: how many references */
typedef struct { atomic64_t refcnt; } file_ref_t;
struct file___ref { file_ref_t f_ref; };         /* since 6.13: that, less one */

/* Namespaces and cgroups. */
struct ns_common { unsigned int inum; };
typedef struct { struct net *net; } possible_net_t;
struct net_device { possible_net_t nd_net; };
struct inet_hashinfo;
struct inet_timewait_death_row { struct inet_hashinfo *hashinfo; };
struct udp_table;
struct unix_table { void *buckets; };
struct netns_ipv4 { struct inet_timewait_death_row tcp_death_row; struct udp_table *udp_table; };
struct netns_unix { struct unix_table table; };  /* since 6.0 */
struct hlist_head { struct hlist_node *first; };
struct netns_packet { struct hlist_head sklist; };
struct net {
	struct ns_common ns;
	struct list_head list;
	struct net_device *loopback_dev;
	struct netns_ipv4 ipv4;
	struct netns_unix unx;
	struct netns_packet packet;
};
struct kernfs_node { __u64 id; };
struct cgroup { struct kernfs_node *kn; };
struct sock_cgroup_data { struct cgroup *cgroup; };   /* since 5.15 */
struct sock_cgroup_data___val { __u64 val; };         /* before: that, or with one of the lowest bits a number */

/* Sockets. */
struct in6_addr { union { __u8 u6_addr8[16]; } in6_u; };
struct proto;
struct sock_common {
	struct proto *skc_prot;
	struct hlist_node skc_node;
	struct hlist_nulls_node skc_nulls_node;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	__u32 skc_daddr, skc_rcv_saddr;
	__u16 skc_dport;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};
struct sk_buff;
struct sk_buff_head { struct sk_buff *next, *prev; __u32 qlen; };
struct kmem_cache;
struct proto {
	struct kmem_cache *slab;
	char name[32];
	union { struct inet_hashinfo *hashinfo; struct udp_table *udp_table; } h;  /* empty for TCP since 6.1 */
};
struct socket { struct sock *sk; struct file *file; };
struct numa_drop_counters { atomic_t drops0, drops1; };
struct sock {
	struct sock_common __sk_common;
	atomic_t sk_drops;
	struct sk_buff_head sk_error_queue, sk_receive_queue, sk_write_queue;
	struct {
		atomic_t rmem_alloc;
		int len;
		struct sk_buff *head, *tail;
	} sk_backlog;
	int sk_forward_alloc, sk_rcvbuf, sk_sndbuf, sk_wmem_queued;
	refcount_t sk_wmem_alloc;
	atomic_t sk_omem_alloc;
	struct rb_root tcp_rtx_queue;
	unsigned char sk_shutdown;
	__u16 sk_type, sk_protocol;
	__u32 sk_ack_backlog, sk_max_ack_backlog;
	struct proto *sk_prot_creator;
	struct socket *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
};
struct sock___wmem { atomic_t sk_wmem_alloc; };
struct sock___drops { struct numa_drop_counters *sk_drop_counters; }; /* since 6.18 */
struct inet_sock { __u16 inet_sport; };
struct inet_bind_bucket;
struct request_sock { struct request_sock *dl_next; struct sock *sk; };
struct request_sock_queue { struct request_sock *rskq_accept_head; };
struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
	struct inet_bind_bucket *icsk_bind_hash;
	__u8 icsk_retransmits, icsk_pending, icsk_backoff, icsk_probes_out;
	struct { __u32 lrcvtime; } icsk_ack;
};
struct tcp_sock {
	__u32 rcv_nxt, copied_seq, write_seq, snd_una, snd_nxt, snd_wnd, rcv_wnd, rcv_ooopack, lsndtime;
	__u64 bytes_received, bytes_acked;
	__u32 chrono_start, chrono_stat[3];
	__u8 chrono_type : 2;
	struct rb_root out_of_order_queue;
	struct sk_buff *ooo_last_skb;
};
/* Packet sockets and their rings. */
enum tpacket_versions { TPACKET_V1, TPACKET_V2, TPACKET_V3 };
struct pgv { char *buffer; };
struct tpacket_kbdq_core { unsigned char reset_pending_on_curr_blk; unsigned short kactive_blk_num; };
struct packet_ring_buffer {
	struct pgv *pg_vec;
	unsigned int head, frames_per_block, frame_size, frame_max, pg_vec_len;
	struct tpacket_kbdq_core prb_bdqc;
};
struct packet_sock { struct packet_ring_buffer rx_ring; enum tpacket_versions tp_version; atomic_t tp_drops; };

/* Tables of sockets. */
struct inet_ehash_bucket { struct { struct hlist_nulls_node *first; } chain; };
struct inet_hashinfo { struct inet_ehash_bucket *ehash; unsigned int ehash_mask; };
struct udp_hslot { struct hlist_head head; };
struct udp_table { struct udp_hslot *hash; unsigned int mask; };
struct udp_sock { int forward_deficit; struct sk_buff_head reader_queue; };
struct sockaddr_un { char sun_path[108]; };
struct unix_address { int len; struct sockaddr_un name[1]; };
struct scm_stat { atomic_t nr_fds; }; /* since 5.6 */
struct unix_sock { struct unix_address *addr; struct sock *peer; struct scm_stat scm_stat; };

/* Packets. */
struct sk_buff {
	struct sk_buff *next, *prev;
	struct sock *sk;
	struct rb_node rbnode;
	unsigned int len;
	unsigned char cb[48];
	__u8 head_frag : 1;
	__u32 end;
	unsigned char *head;
	unsigned int truesize;
	__s64 tstamp;
};
struct skb_shared_info { __u8 nr_frags; struct sk_buff *frag_list; struct skb_frag { __u32 len; } frags[1]; };
struct tcp_skb_cb { __u32 seq, end_seq; };
struct sock_extended_err { __u8 ee_origin; };
struct sock_exterr_skb { struct sock_extended_err ee; };  /* of a packet in an error queue */
struct scm_fp_list { short count; struct file *fp[1]; };
struct unix_skb_parms { struct scm_fp_list *fp; __u32 consumed; };

/* Pages. */
struct address_space;
struct page { unsigned long compound_head; struct address_space *mapping; };
struct page___info { unsigned long compound_info; };     /* since 7.1: a mask, or the head, each with bit 0 set */
struct page___order { unsigned char compound_order; };   /* in page[1], before 6.2 */
struct folio___order { unsigned char _folio_order; };    /* 6.2 to 6.5 */
struct folio { unsigned long _flags_1; };                /* since 6.6: its lowest byte */

/* Slabs. */
struct slab { struct list_head slab_list; void *freelist; };            /* since 5.17 */
struct page___slab { struct list_head slab_list; void *freelist; };     /* before */
struct kmem_cache_node { struct list_head partial; };
struct kmem_cache { struct list_head list; struct kmem_cache_node *node[1]; };
struct kmem_cache_per_node_ptrs { struct kmem_cache_node *node; };
struct kmem_cache___nodes { struct kmem_cache_per_node_ptrs per_node[1]; }; /* since 7.1 */

/* What the iterators hand over. */
struct bpf_iter_meta;
struct bpf_iter__task_file { struct bpf_iter_meta *meta; struct task_struct *task; __u32 fd; struct file *file; };
struct bpf_iter__tcp { struct bpf_iter_meta *meta; struct sock_common *sk_common; };
struct bpf_map;
struct bpf_iter__bpf_map { struct bpf_iter_meta *meta; struct bpf_map *map; };

#pragma clang attribute pop

enum sock_flags { SOCK_DONE = 1 };
enum pageflags { PG_uptodate = 0, PG_lru = 1, PG_head = 2 };

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58
#define IPPROTO_MPTCP 262
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_CLOSING 11
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12
#define SO_EE_ORIGIN_ZEROCOPY 5
#define EEXIST 17

/* The id of the first cgroup. */
#define ROOT_CGROUP 1

#define SOCKFS_MAGIC 0x534f434b

/* Before 5.11 nothing leads from a file to its socket but its private data, which is no typed pointer: what is
 * behind it is read, not followed. Before 5.12 no program can have a socket named that has no cookie yet. */
#ifdef EARLY
#define GET(pointer, field) BPF_CORE_READ(pointer, field)
static __always_inline struct socket *socket_of(struct file *file)
{
	return file->f_inode->i_sb->s_magic == SOCKFS_MAGIC ? file->private_data : NULL;
}
#define TCP_SOCK_OF(sk) ((struct tcp_sock *)(sk))
#define COOKIE_OF(sk) ((__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter))
#else
#define GET(pointer, field) ((pointer)->field)
#define socket_of(file) bpf_sock_from_file(file)
#define TCP_SOCK_OF(sk) bpf_skc_to_tcp_sock(sk)
#define COOKIE_OF(sk) bpf_get_socket_cookie(sk)
#endif

/* Reads a field of a structure at a numeric address. */
#define FIELD(type, address, ...)                                        \
	({                                                               \
		const struct type *at_ = (const void *)(address);        \
		BPF_CORE_READ(at_, __VA_ARGS__);                         \
	})
/* The numeric address of a field. */
#define AT(type, address, field) \
	((__u64)(address) + bpf_core_field_offset(((struct type *)0)->field))
/* Whether this kernel has a field. */
#define HAS(type, field) bpf_core_field_exists(((struct type *)0)->field)
/* A field, or 0 where the kernel has none. */
#define FIELD_IF_ANY(type, address, field) (HAS(type, field) ? FIELD(type, address, field) : 0)

#endif
