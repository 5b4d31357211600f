// SPDX-License-Identifier: Apache-2.0
/**
 * The backend of memory images: {@code file:PATH}. Formats: ELF cores with segments (QEMU, makedumpfile), ELF cores of
 * {@code xl dump-core} (HVM and PVH guests; {@code xl pause} the guest before, as Xen does not), kdump-compressed, LiME,
 * and raw.
 *
 * <p>{@link org.xenhpt.backend.file.FileBackend} finds the {@link org.xenhpt.backend.file.ImageFormat} of a file by its
 * content; a format turns headers into extents (memory that lies in the file as it was) or into a source of pages
 * (memory that must be inflated). To add a format, write a class like {@link org.xenhpt.backend.file.Lime} and name it
 * in {@code ImageFormat}.
 */
package org.xenhpt.backend.file;
