/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What tcp_get_info and tcp_get_info_chrono_stats compute, read without the socket's lock.
 */
#ifndef SKCHECK_TCP_H
#define SKCHECK_TCP_H

#include "kernel.h"
#include "records.h"

/* How many jiffies make a second. */
volatile const __u32 hz = 250;

#define CHRONO_RWND_LIMITED 2

static __always_inline __u32 milliseconds(__u32 jiffies)
{
	return (__u64)jiffies * 1000 / hz;
}

/* How long sending was held up by the peer's window. */
static __always_inline void tell_held_up(struct tcp_told *told, __u64 sk, __u32 now)
{
	struct tcp_sock *tcp = (void *)sk;
	__u64 jiffies;

	if (!HAS(tcp_sock, chrono_stat) || !HAS(tcp_sock, chrono_type) || !HAS(tcp_sock, chrono_start))
		return;
	/* What is counted of a kind lies at its number, less one. */
	jiffies = FIELD(tcp_sock, sk, chrono_stat[CHRONO_RWND_LIMITED - 1]);
	if (BPF_CORE_READ_BITFIELD_PROBED(tcp, chrono_type) == CHRONO_RWND_LIMITED)
		jiffies += now - FIELD(tcp_sock, sk, chrono_start);
	told->held_up = jiffies * (1000000 / hz);
	told->told |= HELD_UP;
}

/* How far what has arrived out of order reaches. */
static __always_inline void tell_span(struct tcp_told *told, __u64 sk)
{
	__u64 last;

	if (!HAS(tcp_sock, out_of_order_queue) || !HAS(tcp_sock, ooo_last_skb) || !HAS(tcp_skb_cb, end_seq))
		return;
	told->told |= OOO_SPAN;
	if (!FIELD(tcp_sock, sk, out_of_order_queue.rb_node))
		return;
	last = (__u64)FIELD(tcp_sock, sk, ooo_last_skb);
	if (last)
		told->ooo_span = FIELD(tcp_skb_cb, AT(sk_buff, last, cb), end_seq) - FIELD(tcp_sock, sk, rcv_nxt);
	/* It was emptied in between. */
	if ((__s32)told->ooo_span < 0 || !FIELD(tcp_sock, sk, out_of_order_queue.rb_node))
		told->ooo_span = 0;
}

#define TELL(place, bit, type, field)                     \
	do {                                              \
		if (HAS(type, field)) {                   \
			told->place = FIELD(type, sk, field); \
			told->told |= bit;                \
		}                                         \
	} while (0)

/* Of a listener tcp_get_info tells nothing of all this. */
static __always_inline void tell_tcp(struct tcp_told *told, __u64 sk)
{
	__u32 now = bpf_jiffies64();
	__s32 not_sent;

	TELL(received, RECEIVED, tcp_sock, bytes_received);
	TELL(acked, ACKED, tcp_sock, bytes_acked);
	TELL(ooo_packets, OOO_PACKETS, tcp_sock, rcv_ooopack);
	TELL(window, WINDOW, tcp_sock, snd_wnd);
	TELL(own_window, OWN_WINDOW, tcp_sock, rcv_wnd);
	TELL(retransmits, RETRANSMITS, inet_connection_sock, icsk_retransmits);
	TELL(backoff, BACKOFF, inet_connection_sock, icsk_backoff);
	TELL(probes, PROBES, inet_connection_sock, icsk_probes_out);
	TELL(pending, PENDING, inet_connection_sock, icsk_pending);
	if (HAS(tcp_sock, snd_nxt)) {
		not_sent = FIELD(tcp_sock, sk, write_seq) - FIELD(tcp_sock, sk, snd_nxt);
		told->not_sent = not_sent > 0 ? not_sent : 0;
		told->told |= NOT_SENT;
	}
	if (HAS(tcp_sock, lsndtime)) {
		told->last_sent = milliseconds(now - FIELD(tcp_sock, sk, lsndtime));
		told->told |= LAST_SENT;
	}
	if (HAS(inet_connection_sock, icsk_ack.lrcvtime)) {
		told->last_received = milliseconds(now - FIELD(inet_connection_sock, sk, icsk_ack.lrcvtime));
		told->told |= LAST_RECEIVED;
	}
	tell_held_up(told, sk, now);
	tell_span(told, sk);
}

#endif
