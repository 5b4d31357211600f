// SPDX-License-Identifier: Apache-2.0
/**
 * The commands of hpt in shells that are made with Apache Felix Gogo, such as that of Apache Karaf: {@code hpt:ps}.
 */
package org.xenhpt.gogo;
