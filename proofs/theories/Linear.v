(** Linear systems in finitely many unknowns: values that are attained at all are attained at a point that is bounded by
    a constant times the values. By elimination.

    [value us a x]    the linear form with coefficients a at the point x: the sum of a_i x_i over the units i of us.
    [supported us x]  x vanishes outside us.
    [keep us x]       x with zero outside us.
    [form g e]        the coefficients of the exponent of connection e.
    [active g]        the free units with a connection. *)
From Coq Require Import Reals Psatz List Arith Classical_Prop.
From synbal Require Import Sums Graph Tangent.
Import ListNotations.
Open Scope R_scope.

Definition value (us : list nat) (a x : point) := sum (fun i => a i * x i) us.
Definition supported (us : list nat) (x : point) := forall i, ~ In i us -> x i = 0.

Lemma value_bound us a x b : 0 <= b -> (forall i, Rabs (x i) <= b) -> Rabs (value us a x) <= sum (fun i => Rabs (a i)) us * b.
Proof.
  intros P H. unfold value. induction us as [|i us IH]; simpl; [rewrite Rabs_R0; lra|].
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult. pose proof (Rabs_pos (a i)). specialize (H i). nra.
Qed.

(** Every system of forms has a bound C. *)
Lemma bounded_solution us : NoDup us -> forall forms : list point, exists C, 0 <= C /\
  forall x b, 0 <= b -> (forall a, In a forms -> Rabs (value us a x) <= b) ->
  exists y, supported us y /\ (forall a, In a forms -> value us a y = value us a x) /\ forall i, Rabs (y i) <= C * b.
Proof.
  induction us as [|u us IH]; intros ND forms.
  - exists 0. split; [lra|]. intros x b P H. exists (fun _ => 0). split; [intros i _; reflexivity|].
    split; [intros; reflexivity|]. intro i. rewrite Rabs_R0. lra.
  - apply NoDup_cons_iff in ND. destruct ND as [Nu ND].
    destruct (classic (exists k, In k forms /\ k u <> 0)) as [[k [Ik Nk]]|N].
    + (* solve k for u and eliminate u from the other forms *)
      set (cut := fun (a : point) i => a i - a u / k u * k i).
      assert (CV : forall a z, value us (cut a) z = value us a z - a u / k u * value us k z).
      { intros a z. unfold value, cut. rewrite <- sum_scale, <- sum_minus. apply sum_ext. intros; ring. }
      destruct (IH ND (map cut forms)) as [C [PC H]].
      destruct (common_bound (fun a : point => Rabs (a u / k u)) forms) as [Q [PQ HQ]].
      set (S := sum (fun i => Rabs (k i)) us). assert (PS : 0 <= S) by (apply sum_nonneg; intros; apply Rabs_pos).
      set (D := C * (1 + Q)). assert (PD : 0 <= D) by (apply Rmult_le_pos; lra).
      pose proof (Rabs_pos_lt _ Nk) as Pk. pose proof (Rinv_0_lt_compat _ Pk) as Pi.
      set (E := (1 + S * D) * / Rabs (k u)). assert (PE : 0 <= E) by (apply Rmult_le_pos; nra).
      exists (D + E). split; [lra|]. intros x b Pb B.
      destruct (H x ((1 + Q) * b)) as [y [Sy [Vy By]]].
      { nra. }
      { intros a' I. apply in_map_iff in I. destruct I as [a [<- I]]. rewrite CV.
        pose proof (B a I) as Ba. pose proof (B k Ik) as Bk. pose proof (HQ a I) as Qa. cbv beta in Qa.
        unfold value in Ba, Bk. simpl in Ba, Bk. fold (value us a x) in Ba. fold (value us k x) in Bk.
        replace (value us a x - a u / k u * value us k x) with
          ((a u * x u + value us a x) + - (a u / k u * (k u * x u + value us k x))) by (field; auto).
        eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp, Rabs_mult.
        pose proof (Rabs_pos (a u / k u)). pose proof (Rabs_pos (k u * x u + value us k x)). nra. }
      set (t := (value (u :: us) k x - value us k y) / k u).
      exists (set y u t).
      assert (out : forall a, value us a (set y u t) = value us a y).
      { intro a. apply sum_ext. intros i I. rewrite set_other; [reflexivity|]. intros ->. tauto. }
      split; [|split].
      * intros i Ni. simpl in Ni. rewrite set_other by (intros ->; tauto). apply Sy. tauto.
      * intros a I. specialize (Vy (cut a) (in_map cut forms a I)). rewrite !CV in Vy.
        unfold value at 1 2. simpl. fold (value us a (set y u t)). fold (value us a x). rewrite out, set_same.
        unfold t. unfold value at 1. simpl. fold (value us k x).
        replace (value us a y) with (value us a x - a u / k u * value us k x + a u / k u * value us k y) by lra.
        field. auto.
      * assert (Db : C * ((1 + Q) * b) = D * b) by (unfold D; ring).
        assert (Pd : 0 <= D * b) by now apply Rmult_le_pos.
        assert (Pe : 0 <= E * b) by now apply Rmult_le_pos.
        intro i. unfold set. destruct (Nat.eqb i u).
        -- assert (K : Rabs (value us k y) <= S * (D * b)).
           { apply value_bound; auto. intro j. rewrite <- Db. apply By. }
           unfold t, Rdiv. rewrite Rabs_mult, Rabs_inv.
           apply Rle_trans with ((b + S * (D * b)) * / Rabs (k u)).
           { apply Rmult_le_compat_r; [lra|]. eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp.
             pose proof (B k Ik). lra. }
           replace ((b + S * (D * b)) * / Rabs (k u)) with (E * b) by (unfold E; ring). lra.
        -- specialize (By i). lra.
    + assert (Z : forall a, In a forms -> a u = 0).
      { intros a I. apply NNPP. intro K. apply N. eauto. }
      destruct (IH ND forms) as [C [PC H]]. exists C. split; auto. intros x b Pb B.
      assert (V : forall a z, In a forms -> value (u :: us) a z = value us a z).
      { intros a z I. unfold value. simpl. rewrite Z by auto. ring. }
      destruct (H x b Pb) as [y [Sy [Vy By]]].
      { intros a I. rewrite <- V by auto. auto. }
      exists y. split; [|split; auto].
      * intros i Ni. apply Sy. simpl in Ni. tauto.
      * intros a I. rewrite !V by auto. auto.
Qed.

Definition form g e : point := fun i => (if Nat.eqb (head e) i then 1 else 0) - (if Nat.eqb (tail e) i then degree g i else 0).

Lemma sum_delta_supported (h x : point) k us : NoDup us -> supported us x ->
  sum (fun i => (if Nat.eqb k i then h i else 0) * x i) us = h k * x k.
Proof.
  intros ND S. destruct (in_dec Nat.eq_dec k us) as [I|N].
  - rewrite <- (sum_delta (fun i => h i * x i) k us ND I). apply sum_ext. intros i _. destruct Nat.eqb; ring.
  - rewrite (S k N), Rmult_0_r. apply sum_null. intros i I. destruct (Nat.eqb_spec k i) as [->|]; [tauto|ring].
Qed.

Lemma exponent_value g us x e : NoDup us -> supported us x -> exponent g x e = value us (form g e) x.
Proof.
  intros ND S. unfold exponent, value, form.
  rewrite (sum_ext _ (fun i => (if Nat.eqb (head e) i then 1 else 0) * x i
      - (if Nat.eqb (tail e) i then degree g i else 0) * x i))
    by (intros; ring).
  rewrite sum_minus, (sum_delta_supported (fun _ => 1)), (sum_delta_supported (fun i => degree g i)) by auto. ring.
Qed.

(** Bounded exponents are the exponents of bounded log-scales, at the same units. *)
Lemma bounded_exponents g us : NoDup us -> exists C, 0 <= C /\
  forall x b, 0 <= b -> supported us x -> (forall e, In e (connections g) -> Rabs (exponent g x e) <= b) ->
  exists y, supported us y /\ (forall e, In e (connections g) -> exponent g y e = exponent g x e) /\
    forall i, Rabs (y i) <= C * b.
Proof.
  intro ND. destruct (bounded_solution us ND (map (form g) (connections g))) as [C [P H]]. exists C. split; auto.
  intros x b Pb S B. destruct (H x b Pb) as [y [Sy [Vy By]]].
  - intros a I. apply in_map_iff in I. destruct I as [e [<- I]]. rewrite <- exponent_value by auto. auto.
  - exists y. split; auto. split; auto. intros e I. rewrite !(exponent_value g us) by auto. apply Vy. now apply in_map.
Qed.

(** A point without its log-scales outside a list *)
Definition keep (J : list nat) (x : point) : point := fun i => if in_dec Nat.eq_dec i J then x i else 0.

Lemma keep_supported J x : supported J (keep J x).
Proof. intros i N. unfold keep. destruct in_dec; tauto. Qed.

Lemma keep_exponent g J x e : (forall i, In i (units g) -> ~ In i J -> x i = 0) -> In e (connections g) ->
  exponent g (keep J x) e = exponent g x e.
Proof.
  intros H I. unfold exponent, keep. pose proof (head_in_units g e I). pose proof (tail_in_units g e I).
  destruct in_dec; destruct in_dec; rewrite ?(H (head e)), ?(H (tail e)) by auto; ring.
Qed.

Definition active g := filter (free g) (units g).

Lemma active_nodup g : NoDup (active g).
Proof. apply NoDup_filter, units_nodup. Qed.

Lemma active_free g i : In i (active g) <-> In i (units g) /\ free g i = true.
Proof. apply filter_In. Qed.

(** In an anchored graph the log-scales are bounded by a constant times the largest exponent. *)
Lemma anchored_bound g : anchored g -> exists C, 0 <= C /\ forall h b, 0 <= b -> grounded g h ->
  (forall e, In e (connections g) -> Rabs (exponent g h e) <= b) -> forall i, Rabs (h i) <= C * b.
Proof.
  intro A. destruct (bounded_exponents g (active g) (active_nodup g)) as [C [PC H]]. exists C. split; auto.
  intros h b Pb G B i.
  assert (Z : forall j, In j (units g) -> ~ In j (active g) -> h j = 0).
  { intros j U Nj. destruct (free g j) eqn:F; [|now apply G]. exfalso. apply Nj. now apply active_free. }
  destruct (H (keep (active g) h) b Pb (keep_supported _ h)) as [y [Sy [Ey By]]].
  { intros e I. rewrite keep_exponent by auto. auto. }
  assert (E : h i - y i = 0).
  { apply (A (fun j => h j - y j)).
    - intros j F. rewrite G by auto. rewrite Sy; [ring|]. intro I. apply active_free in I. destruct I. congruence.
    - intros e I. rewrite exponent_minus, Ey, keep_exponent by auto. ring. }
  replace (h i) with (y i) by lra. apply By.
Qed.
