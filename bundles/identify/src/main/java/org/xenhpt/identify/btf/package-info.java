// SPDX-License-Identifier: Apache-2.0
/**
 * Structure layouts from BTF (Documentation/bpf/btf.rst): from a guest's memory, from {@code /sys/kernel/btf/vmlinux},
 * from an ELF image with a {@code .BTF} section.
 *
 * <p>In memory it is recognised by {@code __start_BTF} and {@code __stop_BTF}, else by the bytes {@code 9f eb 01} in
 * the kernel's image. It is believed when its header's lengths fit into the image, every type lies whole in its
 * section, every reference leads to a type and every name into the strings, which begin and end with NUL; found by its
 * bytes alone, it must have at least a thousand types, which modules' BTF has not.
 */
package org.xenhpt.identify.btf;
