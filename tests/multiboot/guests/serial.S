// The serial port: what is written to it, and what is not.
#include "multiboot.inc"

.set line_control, serial_port + 3
.set line_status, serial_port + 5

.macro set_register port, value
    mov $\port, %edx
    mov $\value, %eax
    outb %al, %dx
.endm
.macro get_register port
    mov $\port, %edx
    inb %dx, %al
.endm

begin
    say "one\n"
    say "two\r\n\n"
    say "th", "ree\n"
    get_register line_status
    and $0x60, %al
    cmp $0x60, %al
    expect e, "it is ready"

    // With DLAB, ports 0 and 1 are the divisor.
    set_register line_control, 0x83
    set_register serial_port, 'X'
    set_register serial_port + 1, 'Y'
    get_register serial_port
    mov %al, %bl
    get_register serial_port + 1
    mov %al, %bh
    set_register line_control, 0x03
    cmp $('X' | 'Y' << 8), %bx
    expect e, "the divisor is kept"
    set_register serial_port + 1, 'Z'
    set_register serial_port + 4, 'Z'
    set_register serial_port + 7, 'Z'
    get_register serial_port + 7
    cmp $'Z', %al
    expect e, "the scratch register is kept"

    // Longer than the pieces in which a line is handed on.
    mov $1500, %ecx
    mov $serial_port, %edx
    mov $'l', %al
long_line:
    outb %al, %dx
    loop long_line
    say "\nno end"
    finish
