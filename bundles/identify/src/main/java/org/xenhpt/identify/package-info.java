// SPDX-License-Identifier: Apache-2.0
/**
 * Which kernel a guest runs, where it lies, and what it carries about itself. All of it is found in physical memory; no
 * register is read, as a vCPU in user mode may map hardly anything of the kernel.
 *
 * <h2>What is looked for, and how it is recognised</h2>
 *
 * <table>
 * <caption>Sources</caption>
 * <tr><th>what</th><th>recognised by</th><th>tells</th></tr>
 * <tr><td>VMCOREINFO</td>
 * <td>{@code OSRELEASE=} at the start of a page, where kernels keep it since 4.13 (203e9e41219b), or after an ELF
 * note's header named {@code VMCOREINFO}; in {@code .bss} before. An image's own note or header is tried first, and
 * spares the search.</td>
 * <td>release; build id since 5.9 (0935288c6e00); {@code swapper_pg_dir}, {@code _stext}, {@code init_uts_ns};
 * {@code phys_base} as a value since 4.10 (401721ecd1dc); {@code KERNELOFFSET} on x86-64; the tables of kallsyms since
 * 6.0 (5fd8fea935a10, f09bddbd86619)</td></tr>
 * <tr><td>the kernel's page tables (x86-64)</td>
 * <td>a page whose last entry leads to a directory whose entry 510 leads to a directory that maps a physically
 * contiguous image ({@code __START_KERNEL_map}); with one level more for 5-level paging. Processes' tables share these
 * entries: the kernel's own is the one that is itself a page of the image and maps all of RAM
 * ({@code page_offset_base}, which KASLR moves). {@code early_top_pgt}, {@code level4_kernel_pgt} and the user half
 * under page-table isolation lie in the image too, and do not map RAM.</td>
 * <td>paging mode, physical and virtual place of the image, without any symbol</td></tr>
 * <tr><td>{@code init_uts_ns}</td>
 * <td>where VMCOREINFO says ({@code OFFSET(uts_namespace.name)} since 5.11, ca4a9241cc5e; searched for in the
 * structure's first 64 bytes before), else in the image's data: six texts of 65 bytes, the first {@code Linux}</td>
 * <td>release and version</td></tr>
 * <tr><td>{@code linux_banner}</td>
 * <td>{@code Linux version RELEASE (…) (…) VERSION} in the image, with the release and version that {@code init_uts_ns}
 * has. Since 6.1 (2df8220cc511) a weak copy without the build's number ({@code # SMP}) precedes it.</td>
 * <td>the banner</td></tr>
 * </table>
 *
 * <p>Everything found is a claim until it is checked ({@link org.xenhpt.identify.KernelCheck}): the tables map
 * {@code _stext} and {@code init_uts_ns} where the claimed physical base puts them; the table is a page of the image
 * that it maps; {@code init_uts_ns} names the release claimed; the image holds the banner of that build. So texts of
 * earlier boots, of the log, of files and of an attacker's making lose. Where no claim holds, all memory is searched
 * for the texts at any multiple of four bytes; the error then says what was seen and why it was not believed.
 *
 * <p><b>Several kernels</b> may be whole: a reboot does not clear RAM. {@link org.xenhpt.identify.RunningKernel}
 * prefers one without {@code CRASHTIME} in its VMCOREINFO to one with, then the one whose clock stands latest; the
 * others are listed among the findings. Where one image lies half over another's, one clock seems to be both's; and a
 * kernel that is half overwritten may still have all that it is proved by. So the others are told, too ({@code
 * identifyAll}): the front end knows the structures, and reads who has a list of tasks that is whole, and each one's own
 * clock.
 *
 * <p><b>A guest that was attached to before</b> is not searched: {@code KernelIdentity.place} says where its tables,
 * VMCOREINFO, names and banner were, and what is there now is put to the proofs above. Whether it still runs, or a reboot
 * left it behind, no such proof tells: whoever asks holds its clock against the host's.
 *
 * <p><b>i386</b>: VMCOREINFO, or without it a page directory that maps low memory and nothing for user space. The image
 * is part of the direct map, from one of the five {@code PAGE_OFFSET}s of arch/x86/Kconfig; KASLR moves it in virtual
 * and physical memory alike, so that the physical base is 0. There is no {@code KERNELOFFSET}: the offset is where the
 * image begins less the link address, {@code PAGE_OFFSET + 0x1000000}. It begins before {@code _stext}, by a few
 * hundred bytes at most; without VMCOREINFO the instructions that {@code startup_32} begins with are looked for, at
 * each MiB before the page tables. Where none of this tells, or it is no multiple of 2 MiB (another
 * CONFIG_PHYSICAL_START), the offset is given as 0, symbols then being runtime addresses, and the finding says so.
 * Whether paging is PAE is told by the table itself; {@code swapper_pg_dir} is the right one in both.
 *
 * <p><b>x86-64</b>: link addresses count from {@code 0xffffffff81000000}, that is CONFIG_PHYSICAL_START at its default.
 * {@code KERNELOFFSET} is believed where it is possible; else the first mapped byte of the image tells.
 *
 * <p>Encrypted guests (SEV, TDX) cannot be read from outside; the encryption bit of their tables is not handled.
 *
 * <h2>What the kernel carries about itself</h2>
 *
 * <p>{@link org.xenhpt.identify.kallsyms} has its symbols, {@link org.xenhpt.identify.btf} its structure layouts;
 * {@link org.xenhpt.identify.GuestMemoryProfiles} makes a profile of both. Both are read through the kernel's page
 * tables, so that the damaged left-overs of the boot loader elsewhere in memory (the first to be met in 6.12 and 7.2
 * guests) play no part.
 */
package org.xenhpt.identify;
