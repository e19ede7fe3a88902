/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * How full the receive ring of a packet socket is, by what its blocks (TPACKET_V3) or frames say of themselves:
 * the kernel hands them to the program, and the program gives them back (linux/if_packet.h).
 */
#ifndef SKCHECK_RING_H
#define SKCHECK_RING_H

#include "loops.h"
#include "packets.h"

/* Of a ring with more frames nothing is told: it would take too long. */
#define UNITS_MOST (1 << 18)
#define TP_STATUS_USER 1

/* What every block and every frame begins with. */
struct block_head { __u32 version, private, status, packets, first, length; __u64 sequence; };
struct frame_head_1 { __u64 status; __u32 length, taken; __u16 mac, net; __u32 seconds, part; };
struct frame_head_2 { __u32 status, length, taken; __u16 mac, net; __u32 seconds, part; };

struct ring_walk {
	__u64 vector, oldest, stamp, packets;
	__u32 version, start, units, per_block, frame_size, full, step, unused;
};

/* The ring that is being looked at. */
struct ring_walk ring_at;

/* Where the memory of a block is. */
static __always_inline __u64 block_at(struct ring_walk *walk, __u32 block)
{
	__u64 at = walk->vector + (__u64)block * bpf_core_type_size(struct pgv);

	return (__u64)FIELD(pgv, at, buffer);
}

static __always_inline void count_full(struct ring_walk *walk, __u64 address, __u64 stamp, __u32 packets)
{
	if (!walk->full) {
		walk->oldest = address;
		walk->stamp = stamp;
	}
	walk->full++;
	walk->packets += packets;
}

/* Looks at a block or frame; the first is the one that the kernel would fill next, which the program would give
 * back next, too. */
STEP int look_at_unit(void)
{
	struct ring_walk *walk = &ring_at;
	__u32 unit = walk->start + walk->step;
	__u64 address;

	if (walk->step++ >= walk->units)
		return 1;
	if (unit >= walk->units)
		unit -= walk->units;
	if (walk->version == TPACKET_V3) {
		struct block_head block = {};

		address = block_at(walk, unit);
		bpf_probe_read_kernel(&block, sizeof(block), (void *)address);
		if (block.status & TP_STATUS_USER)
			count_full(walk, address, block.sequence, block.packets);
		return 0;
	}
	if (!walk->per_block)
		return 1;
	address = block_at(walk, unit / walk->per_block) + (__u64)(unit % walk->per_block) * walk->frame_size;
	if (walk->version == TPACKET_V2) {
		struct frame_head_2 frame = {};

		bpf_probe_read_kernel(&frame, sizeof(frame), (void *)address);
		if (frame.status & TP_STATUS_USER)
			count_full(walk, address, (__u64)frame.seconds << 32 | frame.part, 1);
	} else {
		struct frame_head_1 frame = {};

		bpf_probe_read_kernel(&frame, sizeof(frame), (void *)address);
		if (frame.status & TP_STATUS_USER)
			count_full(walk, address, (__u64)frame.seconds << 32 | frame.part, 1);
	}
	return 0;
}
LOOP(look_at_units, look_at_unit, UNITS_MOST + 1, 513)

/* Whether this kernel has a ring where it is looked for. */
static __always_inline bool has_ring(__u64 sk)
{
	return FIELD(sock, sk, __sk_common.skc_family) == AF_PACKET && HAS(packet_sock, rx_ring) &&
	       HAS(packet_sock, tp_version) && HAS(packet_ring_buffer, pg_vec) && HAS(packet_ring_buffer, pg_vec_len) &&
	       HAS(packet_ring_buffer, frame_max) && HAS(packet_ring_buffer, frames_per_block) &&
	       HAS(packet_ring_buffer, frame_size) && HAS(packet_ring_buffer, head) && HAS(pgv, buffer) &&
	       HAS(packet_ring_buffer, prb_bdqc) && HAS(tpacket_kbdq_core, kactive_blk_num);
}

/* What its blocks or frames are, and which is the first. Returns flags of the ring. */
static __always_inline __u32 look_at_ring(struct ring_walk *walk, __u64 sk)
{
	walk->version = FIELD(packet_sock, sk, tp_version);
	if (walk->version == TPACKET_V3) {
		walk->units = FIELD(packet_sock, sk, rx_ring.pg_vec_len);
		walk->start = FIELD(packet_sock, sk, rx_ring.prb_bdqc.kactive_blk_num);
		if (HAS(tpacket_kbdq_core, reset_pending_on_curr_blk) &&
		    FIELD(packet_sock, sk, rx_ring.prb_bdqc.reset_pending_on_curr_blk))
			return BY_BLOCK | FROZEN;
		return BY_BLOCK;
	}
	/* The last frame's number. */
	walk->units = FIELD(packet_sock, sk, rx_ring.frame_max) + 1;
	walk->start = FIELD(packet_sock, sk, rx_ring.head);
	walk->per_block = FIELD(packet_sock, sk, rx_ring.frames_per_block);
	walk->frame_size = FIELD(packet_sock, sk, rx_ring.frame_size);
	return 0;
}

/* The ring is not locked: it must be the same before and after. */
__noinline int tell_ring(__u64 sk)
{
	struct scratch *own = own_scratch();
	struct ring_walk *walk = &ring_at;
	struct ring_told *told;

	if (!own)
		return 0;
	told = &own->end.ring;
	__builtin_memset(told, 0, sizeof(*told));
	if (!has_ring(sk))
		return 0;
	__builtin_memset(walk, 0, sizeof(*walk));
	walk->vector = (__u64)FIELD(packet_sock, sk, rx_ring.pg_vec);
	if (!walk->vector)
		return 0;
	told->flags = look_at_ring(walk, sk);
	if (walk->units > UNITS_MOST || walk->start >= walk->units)
		return 0;
	look_at_units();
	if (HAS(packet_sock, tp_drops)) {
		told->drops = FIELD(packet_sock, sk, tp_drops.counter);
		told->flags |= DROPS_TOLD;
	}
	told->oldest = walk->oldest;
	told->stamp = walk->stamp;
	told->packets = walk->packets;
	told->units = walk->units;
	told->full = walk->full;
	if (walk->vector == (__u64)FIELD(packet_sock, sk, rx_ring.pg_vec) &&
	    walk->version == FIELD(packet_sock, sk, tp_version))
		told->flags |= RING_TOLD;
	return 0;
}

#endif
