# A guest for X86LockStepTest: a kernel of some hundred instructions with page faults, timer interrupts, system calls, code that
# changes itself, strings, SSE, x87 and a serial port. Entered in long mode with 0..4 MiB and 3..4 GiB mapped one to one for
# everybody, and an empty page table at PT for 4..6 MiB. Powers off when the loop has run ROUNDS times; the sum is at SUM.
        .intel_syntax noprefix
        .equ    PT, 0x4000
        .equ    IDT, 0x5000
        .equ    SUM, 0x6000
        .equ    TICKS, 0x6008
        .equ    FAULTS, 0x6010
        .equ    KERNEL_RSP, 0x6018
        .equ    USER_RSP, 0x6020
        .equ    STACK, 0x80000
        .equ    STACK0, 0x7c000
        .equ    STACK_USER, 0x78000
        .equ    DATA, 0x100000
        .equ    COPY, 0x180000
        .equ    FRAMES, 0x300000
        .equ    HOLE, 0x400000
        .ifndef ROUNDS
        .equ    ROUNDS, 40
        .endif

start:
        mov     rsp, STACK
        lgdt    [rip + gdtr]
        lea     rdi, [rip + bad]
        xor     ecx, ecx
1:      call    gate
        inc     ecx
        cmp     ecx, 256
        jne     1b
        lea     rdi, [rip + divide_error]
        xor     ecx, ecx
        call    gate
        lea     rdi, [rip + page_fault]
        mov     ecx, 14
        call    gate
        lea     rdi, [rip + timer]
        mov     ecx, 0x40
        call    gate
        lidt    [rip + idtr]
        mov     eax, 0x38
        ltr     ax
        mov     rax, cr4
        or      rax, 0x600
        mov     cr4, rax
        mov     rax, cr0
        or      rax, 0x10002
        mov     cr0, rax
        mov     ecx, 0xc0000080
        rdmsr
        or      eax, 1
        wrmsr
        mov     ecx, 0xc0000081
        xor     eax, eax
        mov     edx, 0x00200010
        wrmsr
        inc     ecx
        lea     rax, [rip + system_call]
        xor     edx, edx
        wrmsr
        mov     ecx, 0xc0000084
        mov     eax, 0x600
        wrmsr
        mov     ecx, 0x1b
        rdmsr
        or      eax, 0xc00
        wrmsr
        mov     ecx, 0x80f
        mov     eax, 0x1ff
        xor     edx, edx
        wrmsr
        mov     ecx, 0x832
        mov     eax, 0x40040
        wrmsr
        call    arm
        sti
        mov     r15, 0x9e3779b97f4a7c15
        xor     r14d, r14d
        mov     r13d, ROUNDS
rounds:
        call    sort
        call    arithmetic
        call    strings
        call    vectors
        call    floats
        call    faults
        call    self_modifying
        call    user_mode
        mov     dx, 0x3f8
        mov     al, '.'
        out     dx, al
        mov     rax, r14
        mov     [SUM], rax
        mov     ecx, 0xd0000000         # nobody is there
        mov     [rcx], r14d
        mov     eax, [rcx + 4]
        add     r14, rax
        hlt
        dec     r13d
        jnz     rounds
        mov     dx, 0x604
        mov     ax, 0x2000
        out     dx, ax
bad:    cli
        hlt

gate:                                   # of vector ecx to rdi
        mov     eax, ecx
        shl     eax, 4
        mov     edx, edi
        mov     [rax + IDT], dx
        mov     word ptr [rax + IDT + 2], 0x10
        mov     word ptr [rax + IDT + 4], 0x8e00
        shr     edx, 16
        mov     [rax + IDT + 6], dx
        mov     qword ptr [rax + IDT + 8], 0
        ret

random:                                 # rax
        mov     rax, r15
        shl     rax, 13
        xor     r15, rax
        mov     rax, r15
        shr     rax, 7
        xor     r15, rax
        mov     rax, r15
        shl     rax, 17
        xor     rax, r15
        mov     r15, rax
        ret

arm:    rdtsc
        shl     rdx, 32
        add     rax, rdx
        add     rax, 3000
        mov     rdx, rax
        shr     rdx, 32
        mov     ecx, 0x6e0
        wrmsr
        ret

timer:  push    rax
        push    rcx
        push    rdx
        inc     qword ptr [TICKS]
        xor     eax, eax
        xor     edx, edx
        mov     ecx, 0x80b
        wrmsr
        call    arm
        pop     rdx
        pop     rcx
        pop     rax
        iretq

divide_error:                           # DIV RCX has three bytes
        add     qword ptr [rsp], 3
        inc     qword ptr [FAULTS]
        iretq

page_fault:
        push    rax
        push    rcx
        inc     qword ptr [FAULTS]
        mov     rax, cr2
        mov     ecx, eax
        shr     ecx, 12
        and     ecx, 511
        and     eax, 0x3f000
        add     eax, FRAMES + 7
        mov     [PT + rcx * 8], rax
        pop     rcx
        pop     rax
        add     rsp, 8
        iretq

sort:                                   # 400 random numbers: shell sort, then a binary search for each
        mov     edi, DATA
        mov     ebx, 400
        xor     ecx, ecx
1:      call    random
        mov     [rdi + rcx * 4], eax
        inc     ecx
        cmp     ecx, ebx
        jb      1b
        mov     r8d, 121
2:      mov     ecx, r8d
3:      mov     eax, [rdi + rcx * 4]
        mov     edx, ecx
4:      mov     esi, edx
        sub     esi, r8d
        js      5f
        cmp     [rdi + rsi * 4], eax
        jle     5f
        mov     r9d, [rdi + rsi * 4]
        mov     [rdi + rdx * 4], r9d
        mov     edx, esi
        jmp     4b
5:      mov     [rdi + rdx * 4], eax
        inc     ecx
        cmp     ecx, ebx
        jb      3b
        mov     eax, r8d
        xor     edx, edx
        mov     esi, 3
        div     esi
        mov     r8d, eax
        test    eax, eax
        jnz     2b
        xor     ecx, ecx
6:      movsxd  rax, dword ptr [rdi + rcx * 4]
        xor     edx, edx
        mov     esi, ebx
7:      lea     r8d, [rdx + rsi]
        shr     r8d, 1
        cmp     edx, esi
        jae     8f
        cmp     [rdi + r8 * 4], eax
        lea     r9d, [r8 + 1]
        cmovl   edx, r9d
        cmovge  esi, r8d
        jmp     7b
8:      lea     r14, [r14 + rdx * 2]
        rol     r14, 3
        inc     ecx
        cmp     ecx, ebx
        jne     6b
        ret

arithmetic:                             # whatever leaves flags, and what reads them
        mov     ebx, 1500
1:      call    random
        mov     rcx, rax
        mov     rdx, r14
        add     dl, cl
        adc     dh, ch
        sbb     r14w, cx
        pushfq
        pop     rsi
        and     esi, 0x8d5
        add     r14, rsi
        rcl     rdx, cl
        setc    sil
        movzx   esi, sil
        xor     r14, rsi
        shld    rdx, rax, 13
        ror     r14, cl
        bt      rdx, rcx
        adc     r14, rdx
        bsf     rsi, rdx
        cmovz   rsi, rcx
        bsr     edi, eax
        imul    rdi, rsi, 77
        sub     r14, rdi
        jo      2f
        not     r14
2:      mul     r14
        xor     r14, rdx
        neg     rax
        sbb     r14, 0
        sar     eax, 5
        jp      3f
        bswap   rax
3:      xchg    [DATA], rax
        lock xadd [DATA + 8], rax
        lock cmpxchg [DATA + 16], rcx
        lahf
        movzx   eax, ah
        add     r14, rax
        cmp     r14, rcx
        setg    al
        sets    ah
        btc     word ptr [DATA + 32], 5
        sbb     dword ptr [DATA + 36], 3
        add     [DATA + 40], ax
        dec     dword ptr [DATA + 44]
        jg      4f
        inc     byte ptr [DATA + 48]
4:      xor     edx, edx
        and     ecx, 0x1f
        mov     eax, r14d
        div     rcx
        add     r14, rdx
        loop    5f
        inc     r14
5:      dec     ebx
        jnz     1b
        ret

strings:
        mov     ebx, 12
1:      call    random
        and     eax, 0x3ff
        lea     esi, [rax + DATA]
        mov     edi, COPY
        mov     ecx, 1777
        rep movsb
        mov     edi, COPY + 5
        mov     ecx, 100
        rep stosq
        mov     edi, COPY
        mov     ecx, 3000
        mov     al, bl
        repne scasb
        add     r14, rcx
        mov     esi, DATA + 900
        mov     edi, COPY + 900
        mov     ecx, 900
        repe cmpsd
        sbb     r14, rcx
        std
        mov     esi, COPY + 900
        mov     edi, COPY + 907
        mov     ecx, 300
        rep movsw
        lodsq
        cld
        add     r14, rax
        dec     ebx
        jnz     1b
        ret

vectors:
        mov     ebx, 300
1:      call    random
        movq    xmm0, rax
        movd    xmm1, ebx
        pshufd  xmm2, xmm0, 0x1b
        punpcklbw xmm0, xmm2
        paddd   xmm1, xmm0
        pmaddwd xmm2, xmm1
        pshufb  xmm0, xmm1
        pcmpgtb xmm0, xmm2
        pmovmskb ecx, xmm0
        add     r14, rcx
        cvtsi2sd xmm3, rax
        sqrtsd  xmm4, xmm3
        ucomisd xmm4, xmm4
        jp      2f
        divsd   xmm3, xmm4
        cvttsd2si rcx, xmm3
        xor     r14, rcx
2:      movups  [DATA + 0x801], xmm1
        movaps  xmm5, [DATA + 0x810]
        cvtps2pd xmm6, xmm5
        addps   xmm5, xmm1
        movups  [DATA + 0xffc], xmm5
        pextrq  rcx, xmm5, 1
        popcnt  rcx, rcx
        add     r14, rcx
        crc32   r14, rax
        dec     ebx
        jnz     1b
        ret

floats:
        mov     ebx, 100
        fninit
1:      call    random
        mov     [DATA], rax
        fild    qword ptr [DATA]
        fld     st
        fabs
        fsqrt
        fdivp   st(1), st
        fld1
        faddp
        fist    dword ptr [DATA + 8]
        fstp    tbyte ptr [DATA + 16]
        fnstsw  ax
        add     r14w, ax
        add     r14, [DATA + 16]
        dec     ebx
        jnz     1b
        ret

faults:                                 # pages that are not there, and cease to be there
        mov     ebx, 60
1:      call    random
        mov     ecx, eax
        and     ecx, 0x1fff8
        add     [HOLE + 0x1000 + rcx], rax
        mov     rdx, [HOLE + 0x1ffd + rcx]
        add     r14, rdx
        test    al, 3
        jnz     2f
        mov     edx, ecx
        shr     edx, 12
        mov     qword ptr [PT + 8 + rdx * 8], 0
        invlpg  [HOLE + 0x1000 + rcx]
2:      dec     ebx
        jnz     1b
        mov     rax, cr3
        mov     cr3, rax
        ret

self_modifying:
        mov     ebx, 30
1:      call    random
        mov     [rip + changed + 3], eax
        mov     ecx, 40
        xor     edx, edx
2:      call    changed
        dec     ecx
        jnz     2b
        xor     r14, rdx
        dec     ebx
        jnz     1b
        ret
changed:
        add     rdx, 0x12345678
        rol     rdx, 1
        jnc     1f
        inc     rdx
1:      ret

user_mode:
        mov     [KERNEL_RSP], rsp
        push    0x2b
        push    STACK_USER
        push    0x202
        push    0x33
        lea     rax, [rip + user]
        push    rax
        iretq
user:   mov     ebx, 300
1:      call    random
        mov     esi, ebx
        push    rax
        push    rbp
        mov     rbp, rsp
        sub     rsp, 24
        mov     [rbp - 8], rax
        xor     eax, eax
        syscall
        add     r14, [rbp - 8]
        add     r14, rax
        leave
        pop     rax
        dec     ebx
        jnz     1b
        mov     eax, 1
        syscall
system_call:
        mov     [USER_RSP], rsp
        mov     rsp, STACK0
        cmp     eax, 1
        je      1f
        push    rcx
        push    r11
        mov     rax, rsi
        imul    rax, rax, 3
        pop     r11
        pop     rcx
        mov     rsp, [USER_RSP]
        sysretq
1:      mov     rsp, [KERNEL_RSP]
        sti
        ret

        .balign 8
gdt:    .quad   0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
        .word   0x67, (tss_low), 0x8900 + 1, 0
        .quad   0
        .equ    tss_low, tss - start
tss:    .long   0
        .quad   0x7a000
        .fill   92, 1, 0
gdtr:   .word   71
        .quad   gdt
idtr:   .word   0xfff
        .quad   IDT
