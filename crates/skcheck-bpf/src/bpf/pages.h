/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Whose pages a piece of a packet lies in, and how large the block is that it keeps from being freed.
 */
#ifndef SKCHECK_PAGES_H
#define SKCHECK_PAGES_H

#include "kernel.h"
#include "loops.h"
#include "records.h"

volatile const __u32 page_shift = 12;

/* struct page of the page at linear address A = bias + (A >> page_shift) * sizeof(struct page). */
__u64 bias = 0;
__u64 bias_looked_for = 0;

/* Where virtual addresses and their struct pages meet: a partly used slab knows its struct page and the
 * address of a free object in it. The bias is a multiple of 2 MiB: on arm64 the records of pages begin at one up
 * to 5.10, and elsewhere at a larger one. */
struct caches { __u64 cache, bias; __u32 agreed, unused; };

/* Where they are looked for. */
struct caches caches_at;

/* So many caches are looked at. */
#define CACHES 300

#define BIAS_STEP (1ULL << 21)

/* The struct page of a slab that is partly used, and the address of a free object in it. */
struct partly_used { __u64 page, object; };

static __always_inline void look_at_partial(__u64 first, struct partly_used *slab)
{
	if (HAS(slab, slab_list) && HAS(slab, freelist)) {
		slab->page = first - bpf_core_field_offset(((struct slab *)0)->slab_list);
		slab->object = (__u64)FIELD(slab, slab->page, freelist);
	} else if (HAS(page___slab, slab_list) && HAS(page___slab, freelist)) {
		slab->page = first - bpf_core_field_offset(((struct page___slab *)0)->slab_list);
		slab->object = (__u64)FIELD(page___slab, slab->page, freelist);
	}
}

/* What most slabs say holds. */
static __always_inline void agree(struct caches *caches, __u64 bias)
{
	bias = (bias + BIAS_STEP - 1) & ~(BIAS_STEP - 1);
	if (bias == caches->bias)
		caches->agreed++;
	else if (!caches->agreed)
		caches->bias = bias;
	else
		caches->agreed--;
}

STEP int learn_from(void)
{
	struct caches *caches = &caches_at;
	struct partly_used slab = {};
	__u64 node, partial, first, list;

	if (!caches->cache)
		return 1;
	if (HAS(kmem_cache___nodes, per_node))
		node = (__u64)FIELD(kmem_cache___nodes, caches->cache, per_node[0].node);
	else
		node = (__u64)FIELD_IF_ANY(kmem_cache, caches->cache, node[0]);
	list = (__u64)FIELD(kmem_cache, caches->cache, list.next);
	if (node) {
		partial = AT(kmem_cache_node, node, partial);
		first = (__u64)FIELD(kmem_cache_node, node, partial.next);
		if (first && first != partial)
			look_at_partial(first, &slab);
		if (slab.object)
			agree(caches, slab.page - (slab.object >> page_shift) * bpf_core_type_size(struct page));
	}
	caches->cache = list - bpf_core_field_offset(((struct kmem_cache *)0)->list);
	return caches->agreed >= 3;
}
SHORT_LOOP(learn_from_caches, learn_from, CACHES, CACHES)

__noinline int learn_bias(__u64 sk)
{
	if (bias_looked_for)
		return 0;
	bias_looked_for = 1;
	if (!HAS(sock, sk_prot_creator) || !HAS(proto, slab) || !HAS(kmem_cache, list) ||
	    !HAS(kmem_cache_node, partial) || !bpf_core_type_exists(struct page))
		return 0;
	caches_at.cache = (__u64)FIELD(sock, sk, sk_prot_creator, slab);
	learn_from_caches();
	if (caches_at.agreed >= 3)
		bias = caches_at.bias;
	return 0;
}

/* The order of a block; -1 where this kernel keeps it where nothing is known of. */
static __always_inline int order_of(__u64 page, unsigned long flags)
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
	if (bpf_core_field_exists(newer->_flags_1))
		return BPF_CORE_READ(newer, _flags_1) & 0xff;
	return -1;
}

/* The first page of the block that a page is in; 0 where this kernel says so in a way that is not known. */
static __always_inline __u64 first_page(__u64 page)
{
	__u64 compound, low;

	if (HAS(page, compound_head)) {
		compound = FIELD(page, page, compound_head);
		return compound & 1 ? compound - 1 : page;
	}
	if (!HAS(page___info, compound_info))
		return 0;
	compound = FIELD(page___info, page, compound_info);
	if (!(compound & 1))
		return page;
	/* A mask for the page's own address is ones above and noughts below; anything else is the address. */
	low = ~(compound & ~1ULL);
	return low & (low + 1) ? compound - 1 : page & compound & ~1ULL;
}

/* Finds the block that the page of a piece belongs to. */
static __always_inline void resolve(struct piece *piece, __u64 page)
{
	unsigned long flags = 0;
	__u64 first, mapping;
	int order;

	piece->order = 0;
	piece->page = page;
	piece->kind = UNKNOWN;
	if (!page)
		return;
	if (page & 1) {
		piece->kind = DEVICE;
		return;
	}
	if (!HAS(page, mapping) || !bpf_core_enum_value_exists(enum pageflags, PG_head) ||
	    !bpf_core_enum_value_exists(enum pageflags, PG_lru) ||
	    !bpf_core_enum_value_exists(enum pageflags, PG_uptodate))
		return;
	first = first_page(page);
	/* The flags are the first member of every kernel's struct page. */
	if (!first || bpf_probe_read_kernel(&flags, sizeof(flags), (void *)first))
		return;
	order = order_of(first, flags);
	/* No block is larger than a huge page of 16 GiB: what says so is no page. */
	if (order < 0 || order > 22)
		return;
	mapping = (__u64)FIELD(page, first, mapping);
	piece->page = first;
	piece->order = order;
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

	piece->length = end;
	if (bpf_core_type_exists(struct skb_shared_info))
		piece->length += (bpf_core_type_size(struct skb_shared_info) + 63) & ~63;
	piece->offset = 0;
	piece->order = 0;
	piece->page = 0;
	piece->kind = SLAB;
	if (!bpf_core_field_exists(skb->head_frag)) {
		piece->kind = UNKNOWN;
		return;
	}
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

#endif
